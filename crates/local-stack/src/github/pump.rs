//! What happens without being asked: time passes, listeners are woken, webhooks are sent.

use std::sync::Arc;
use std::time::Duration;

use fargate_runners_model_github::{Answer, Outgoing, SessionId};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::Observation;
use super::shared::{Shared, lock};
use crate::loopback::{self, Error};

/// GitHub waits this long for an answer, always in real time.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);
/// Sent at the same time, so that a burst does not run out of file descriptors.
const SENT_AT_ONCE: usize = 64;

pub(super) async fn run(shared: Arc<Shared>) {
    let mut stop = shared.stop.subscribe();
    let slots = Arc::new(Semaphore::new(SENT_AT_ONCE));
    let mut sending = JoinSet::new();
    loop {
        let (outgoing, woken, next) = turn(&shared);
        wake(&shared, &woken);
        for webhook in outgoing {
            let (shared, slots) = (Arc::clone(&shared), Arc::clone(&slots));
            sending.spawn(async move {
                let Ok(_slot) = slots.acquire_owned().await else { return };
                deliver(&shared, webhook).await;
            });
        }
        tokio::select! {
            () = shared.nudge.notified() => {}
            () = until(&shared, next) => {}
            Some(_) = sending.join_next() => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
    }
}

fn turn(shared: &Shared) -> (Vec<Outgoing>, Vec<SessionId>, Option<u64>) {
    let mut model = lock(&shared.model);
    let outgoing = model.take_deliveries(shared.clock.now());
    (outgoing, model.take_woken(), model.next_due())
}

fn wake(shared: &Shared, woken: &[SessionId]) {
    let lines = lock(&shared.lines);
    for line in woken.iter().filter_map(|session| lines.get(session)) {
        line.wake.notify_one();
    }
}

async fn until(shared: &Shared, due: Option<u64>) {
    match due {
        Some(due) => tokio::time::sleep_until(shared.clock.instant_of(due)).await,
        None => std::future::pending().await,
    }
}

async fn deliver(shared: &Shared, webhook: Outgoing) {
    let body = webhook.body();
    let headers = webhook.headers(&body);
    let sent = loopback::send("POST", &shared.address_of(&webhook.url), &headers, body.as_bytes(), ANSWER_LIMIT).await;
    let (answer, said) = match sent {
        Ok(answer) => (Answer::Status(answer.status), answer.body),
        Err(Error::TimedOut) => (Answer::TimedOut, Vec::new()),
        Err(Error::Address(_) | Error::Broken(_) | Error::Unreadable) => (Answer::Unreachable, Vec::new()),
    };
    shared.observe(|| Observation::Delivered {
        guid: webhook.guid.to_string(),
        event: webhook.payload.event(),
        action: webhook.payload.action(),
        status: if let Answer::Status(status) = answer { Some(status) } else { None },
    });
    let said = String::from_utf8_lossy(&said);
    shared.with(|model, now| model.answered_with(now, webhook.id, answer, &said));
}
