//! The line from a listener to the model of GitHub.

use std::time::Duration;

use serde_json::Value;

use crate::loopback::{self, Error};

/// A little longer than the server lets a question wait.
const LIMIT: Duration = Duration::from_secs(70);

#[derive(Clone)]
pub(super) struct Connection {
    server: String,
}

impl Connection {
    /// `server` ends with a slash.
    pub(super) fn new(server: &str) -> Self {
        Self { server: server.to_owned() }
    }

    /// The status and the body of the answer; no body is `null`.
    pub(super) async fn ask(&self, method: &str, path: &str, body: &Value) -> Result<(u16, Value), Error> {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let answer = loopback::send(method, &format!("{}{path}", self.server), &[], body.as_bytes(), LIMIT).await?;
        let body =
            if answer.body.is_empty() { Value::Null } else { serde_json::from_slice(&answer.body).map_err(|_| Error::Unreadable)? };
        Ok((answer.status, body))
    }
}
