//! Task state change events: one for every change of a task, delivered by a bus that loses, repeats and reorders.

use serde_json::{Value, json};

use crate::arn;
use crate::model::{EcsModel, Timer};
use crate::time;

/// An event that is due for delivery.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskEvent {
    /// The same in every repetition.
    pub id: String,
    /// When the change happened.
    pub time: u64,
    /// The region.
    pub region: String,
    /// The `detail`.
    pub detail: Value,
}

impl TaskEvent {
    /// The whole event as EventBridge delivers it.
    #[must_use]
    pub fn envelope(&self) -> Value {
        json!({
            "version": "0",
            "id": self.id,
            "detail-type": "ECS Task State Change",
            "source": "aws.ecs",
            "account": arn::account(self.detail["taskArn"].as_str().unwrap_or_default()),
            "time": time::whole_seconds(self.time),
            "region": self.region,
            "resources": [self.detail["taskArn"]],
            "detail": self.detail,
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
        let mut detail = task.document(time::text);
        detail["updatedAt"] = time::text(now);
        let event = TaskEvent { id: self.random.uuid(), time: now, region: self.config.region.clone(), detail };
        let copies = 1 + usize::from(self.random.happens(faults.repeat_event));
        for _ in 0..copies {
            let late = if self.random.happens(faults.reorder_event) { self.random.up_to(faults.event_delay_ms) } else { 0 };
            self.after(self.config.timing.event_ms + late, Timer::Deliver(Box::new(event.clone())));
        }
    }
}
