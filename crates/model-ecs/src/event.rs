//! Task state change events: one for every change of a task, delivered by a bus that loses, repeats and reorders.

use serde_json::{Value, json};

use crate::arn;
use crate::model::{EcsModel, Timer};
use crate::task::Task;
use crate::time;

/// An event that is due for delivery. It holds the task as it was and becomes JSON only when somebody looks: a simulation throws most events away.
#[derive(Debug, Clone)]
pub struct TaskEvent {
    /// The same in every repetition.
    pub id: String,
    /// When the change happened.
    pub time: u64,
    /// The region.
    pub region: String,
    /// The task right after the change.
    pub task: Task,
}

impl TaskEvent {
    /// The event's `detail`.
    #[must_use]
    pub fn detail(&self) -> Value {
        let mut detail = self.task.document(time::text);
        detail["updatedAt"] = time::text(self.time);
        detail
    }

    /// The whole event as EventBridge delivers it.
    #[must_use]
    pub fn envelope(&self) -> Value {
        json!({
            "version": "0",
            "id": self.id,
            "detail-type": "ECS Task State Change",
            "source": "aws.ecs",
            "account": arn::account(&self.task.arn),
            "time": time::whole_seconds(self.time),
            "region": self.region,
            "resources": [self.task.arn],
            "detail": self.detail(),
        })
    }
}

impl EcsModel {
    /// Something about this task has changed: its version grows, and an event sets out.
    pub(crate) fn changed(&mut self, serial: u64) {
        let faults = self.config.faults;
        let now = self.now;
        let Some(task) = self.tasks.get_mut(&serial) else { return };
        task.version += 1;
        if self.random.happens(faults.lose_event) {
            return;
        }
        let task = task.clone();
        let event = TaskEvent { id: self.random.uuid(), time: now, region: self.config.region.clone(), task };
        let copies = 1 + usize::from(self.random.happens(faults.repeat_event));
        for _ in 0..copies {
            let late = if self.random.happens(faults.reorder_event) { self.random.up_to(faults.event_delay_ms) } else { 0 };
            self.after(self.config.timing.event_ms + late, Timer::Deliver(Box::new(event.clone())));
        }
    }
}
