//! The private endpoints that the stand-in runner talks to. GitHub's own protocol is none of this project's business; what matters is what
//! follows from it, and that is the model's.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use fargate_runners_model_github::{Conclusion, JobId, ListenerCredentials, Message, SessionError, SessionId, TokenRegistration};
use serde_json::{Value, json};

use super::connection::{Answer, respond};
use super::shared::{Line, Shared, lock};

/// A listener asks again after this long without news.
const POLL_LIMIT: Duration = Duration::from_secs(50);
/// A listener that has not asked again for this long has died between two questions.
const SILENCE_LIMIT: Duration = Duration::from_secs(10);

pub(super) async fn answer(shared: &Arc<Shared>, method: &str, path: &str, body: &[u8]) -> Answer {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let segments: Vec<&str> = path.split('/').collect();
    let session = |text: &str| text.parse().ok().map(SessionId);
    match (method, segments.as_slice()) {
        ("POST", ["registrations"]) => register(shared, &body),
        ("POST", ["sessions"]) => open(shared, &body),
        ("GET", ["sessions", id, "message"]) => match session(id) {
            Some(session) => message(shared, session).await,
            None => respond(404, &[], String::new()),
        },
        ("POST", ["sessions", id, "finished"]) => finished(shared, session(id), &body),
        ("DELETE", ["sessions", id]) => {
            if let Some(session) = session(id) {
                lock(&shared.lines).remove(&session);
                shared.with(|model, now| model.close_session(now, session));
            }
            respond(204, &[], String::new())
        }
        _ => respond(404, &[], String::new()),
    }
}

fn register(shared: &Shared, body: &Value) -> Answer {
    let texts = |name: &str| body[name].as_array().into_iter().flatten().filter_map(|value| value.as_str().map(str::to_owned)).collect();
    let new = TokenRegistration {
        name: body["name"].as_str().unwrap_or_default().to_owned(),
        labels: texts("labels"),
        runner_group: body["runner_group"].as_str().map(str::to_owned),
        ephemeral: body["ephemeral"] == true,
        replace: body["replace"] == true,
    };
    let token = body["token"].as_str().unwrap_or_default();
    match shared.with(|model, now| model.register_by_token(now, token, &new)) {
        Ok(registered) => json_answer(201, &json!({ "runner_id": registered.runner_id, "client_id": registered.client_id })),
        Err(error) => json_answer(error.status().unwrap_or(502), &json!({ "message": error.to_string() })),
    }
}

fn open(shared: &Arc<Shared>, body: &Value) -> Answer {
    let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
    let shown = ListenerCredentials {
        runner_id: body["runner_id"].as_u64().unwrap_or_default(),
        client_id: text("client_id"),
        version: text("version"),
    };
    match shared.with(|model, now| model.open_session(now, &shown)) {
        Ok(session) => {
            expect_question(shared, session, &shared.line(session));
            json_answer(200, &json!({ "session": session.0 }))
        }
        Err(error) => refused(error),
    }
}

/// Waits for news. A connection that breaks meanwhile is a listener that died.
async fn message(shared: &Arc<Shared>, session: SessionId) -> Answer {
    let line = shared.line(session);
    line.asked.fetch_add(1, Ordering::SeqCst);
    let mut attached = Attached { shared, session, there: true };
    let deadline = tokio::time::Instant::now() + POLL_LIMIT;
    let mut stop = shared.stop.subscribe();
    let answer = loop {
        match shared.with(|model, now| model.poll(now, session).map(|message| message.map(|message| written(shared, model, &message)))) {
            Ok(Some(message)) => break json_answer(200, &message),
            Err(error) => break refused(error),
            Ok(None) => {}
        }
        tokio::select! {
            () = line.wake.notified() => {}
            () = tokio::time::sleep_until(deadline) => break respond(204, &[], String::new()),
            _ = stop.wait_for(|stop| *stop) => break respond(503, &[], String::new()),
        }
    };
    attached.there = false;
    drop(attached);
    expect_question(shared, session, &line);
    answer
}

fn written(shared: &Shared, model: &fargate_runners_model_github::GithubModel, message: &Message) -> Value {
    match message {
        Message::Cancel(job) => json!({ "kind": "cancel", "job": job.0 }),
        Message::Offer(job) => model.job_message(*job).map_or(Value::Null, |told| {
            let duration_ms = u64::try_from(shared.clock.real(told.duration_ms).as_millis()).unwrap_or(u64::MAX);
            json!({
                "kind": "job",
                "job": told.id.0,
                "title": told.title,
                "duration_ms": duration_ms,
                "conclusion": told.conclusion.as_str(),
                "step": told.step,
            })
        }),
    }
}

fn finished(shared: &Shared, session: Option<SessionId>, body: &Value) -> Answer {
    let conclusion = match body["conclusion"].as_str() {
        Some("success") => Conclusion::Success,
        Some("cancelled") => Conclusion::Cancelled,
        _ => Conclusion::Failure,
    };
    let job = JobId(body["job"].as_u64().unwrap_or_default());
    match session.map(|session| shared.with(|model, now| model.finish_job(now, session, job, conclusion))) {
        Some(Ok(())) => respond(204, &[], String::new()),
        Some(Err(error)) => refused(error),
        None => refused(SessionError::Gone),
    }
}

/// Notices when the listener never asks again.
fn expect_question(shared: &Arc<Shared>, session: SessionId, line: &Arc<Line>) {
    let asked = line.asked.load(Ordering::SeqCst);
    let (shared, line) = (Arc::downgrade(shared), Arc::clone(line));
    tokio::spawn(async move {
        tokio::time::sleep(SILENCE_LIMIT).await;
        let Some(shared) = shared.upgrade() else { return };
        if line.asked.load(Ordering::SeqCst) == asked {
            lock(&shared.lines).remove(&session);
            shared.with(|model, now| model.disconnect(now, session));
        }
    });
}

/// Dropped while still `there`, it means that the client went away in the middle of its question.
struct Attached<'a> {
    shared: &'a Arc<Shared>,
    session: SessionId,
    there: bool,
}

impl Drop for Attached<'_> {
    fn drop(&mut self) {
        if self.there && !*self.shared.stop.borrow() {
            self.shared.with(|model, now| model.disconnect(now, self.session));
        }
    }
}

fn refused(error: SessionError) -> Answer {
    let status = match error {
        SessionError::Gone => 404,
        SessionError::Conflict => 409,
    };
    json_answer(status, &json!({ "message": error.to_string() }))
}

fn json_answer(status: u16, body: &Value) -> Answer {
    respond(status, &[("content-type", "application/json".to_owned())], body.to_string())
}
