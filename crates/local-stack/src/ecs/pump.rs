//! Keeps the model going on real time: its commands to the host, its events to their targets, and a look whenever something is due.

use std::sync::Arc;
use std::time::Duration;

use super::delivery::Delivery;
use super::host::Host;
use super::side::AwsSide;
use super::{Shared, now_ms};

/// With nothing due the model is looked at this often all the same.
const IDLE: Duration = Duration::from_secs(5);

pub(super) async fn run<A: AwsSide>(shared: Arc<Shared<A>>, host: Arc<Host<A>>, delivery: Arc<Delivery<A>>) {
    loop {
        let now = now_ms();
        let (commands, events, due) = {
            let mut model = shared.model();
            model.advance(now);
            (model.take_commands(), model.take_events(), model.next_due())
        };
        for command in &commands {
            host.execute(command);
        }
        for event in events {
            for _ in 0..shared.events.copies() {
                delivery.send(event.clone());
            }
        }
        let pause = due.map_or(IDLE, |due| Duration::from_millis(due.saturating_sub(now)).min(IDLE));
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = shared.changed.notified() => {}
        }
    }
}
