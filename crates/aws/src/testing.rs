//! For the tests of this crate: a stand-in for HTTP that gives prepared answers and keeps what was asked.

use crate::config::Aws;
use aws_smithy_runtime_api::client::http::{HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use fargate_runners_core::fleet::Fleet;
use fargate_runners_core::ids::TaskId;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

#[derive(Clone, Debug)]
pub(crate) struct Answers {
    prepared: Arc<Mutex<VecDeque<(u16, Value)>>>,
    asked: Arc<Mutex<Vec<Value>>>,
}

impl Answers {
    /// These answers, in this order; and a way to AWS that gets them. A call beyond them fails.
    pub(crate) fn of(answers: impl IntoIterator<Item = (u16, Value)>) -> (Self, Aws) {
        let this = Self { prepared: Arc::new(Mutex::new(answers.into_iter().collect())), asked: Arc::default() };
        let aws = Aws::with_http(|name| name.starts_with("AWS_").then(|| variable(name)).flatten(), this.clone()).unwrap();
        (this, aws)
    }

    /// The bodies of all requests so far.
    pub(crate) fn requests(&self) -> Vec<Value> {
        self.asked.lock().unwrap().clone()
    }
}

fn variable(name: &str) -> Option<String> {
    let value = match name {
        "AWS_REGION" => "eu-west-1",
        "AWS_ACCESS_KEY_ID" | "AWS_SECRET_ACCESS_KEY" => "test",
        _ => return None,
    };
    Some(value.to_owned())
}

impl HttpConnector for Answers {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let asked = serde_json::from_slice(request.body().bytes().unwrap()).unwrap();
        self.asked.lock().unwrap().push(asked);
        let (status, body) = self.prepared.lock().unwrap().pop_front().expect("a call for which no answer was prepared");
        HttpConnectorFuture::ready(Ok(HttpResponse::new(status.try_into().unwrap(), SdkBody::from(body.to_string()))))
    }
}

impl HttpClient for Answers {
    fn http_connector(&self, _settings: &HttpConnectorSettings, _components: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

/// A fleet's description, as its stack writes it.
pub(crate) fn description(changes: &[(&str, Value)]) -> String {
    let mut value = json!({
        "fleet": "default", "scope": "org/octo-org", "credential": "default", "labels": ["self-hosted", "linux"],
        "launch_mode": "service", "maximum": "10", "task_role": "runners-default-task",
        "cluster": "arn:aws:ecs:eu-west-1:111122223333:cluster/runners",
        "task_definition": "arn:aws:ecs:eu-west-1:111122223333:task-definition/runners-default:3",
        "service": "runners-default-3", "subnets": ["subnet-1"], "security_groups": ["sg-1"],
    });
    for (field, change) in changes {
        value[*field] = change.clone();
    }
    value.to_string()
}

/// A fleet.
pub(crate) fn fleet(changes: &[(&str, Value)]) -> Fleet {
    Fleet::parse(&description(changes)).unwrap()
}

/// A task's id.
pub(crate) fn task(number: u8) -> TaskId {
    TaskId::parse(&format!("{number:032x}")).unwrap()
}
