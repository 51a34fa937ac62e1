//! The ECS server and its host with a toy start script; the rest of AWS is stubbed.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::http::HeaderMap;
use fargate_runners_local_stack::aws::{Credentials, Error};
use fargate_runners_local_stack::ecs::{AwsSide, Denial, EcsConfig, EcsHandle, Events, Need, Observation, Rule, serve};
use fargate_runners_model_ecs::{Config, EcsModel, Status, Task, Timing};
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// Nothing here takes longer, also on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Shows what a container sees, leaves a daemon behind, and ends as it is told.
const SCRIPT: &str = r#"
task=$(curl -s "$ECS_CONTAINER_METADATA_URI_V4/task" | jq -r .TaskARN)
key=$(curl -s "$AWS_CONTAINER_CREDENTIALS_FULL_URI" | jq -r .AccessKeyId)
echo "saw ${task##*/} $key $REGISTRATIONS_URL $GREETING ${OUTSIDE-clean} $(cat "$RUNNER_DIR/run.sh")"
echo "oops" >&2
setsid sleep 1000 & sleep 1000 &
echo "left $!"
[ "$MODE" = exit ] && exit 7
trap 'echo term; exit 15' TERM
echo ready
wait
"#;

struct Stub {
    script: String,
    delivered: UnboundedSender<(String, Value)>,
    deny: bool,
}

impl AwsSide for Stub {
    async fn deployed(&self, action: &str, body: Value) -> Result<Value, Error> {
        let cluster = "arn:aws:ecs:us-east-1:000000000000:cluster/c";
        let definition = "arn:aws:ecs:us-east-1:000000000000:task-definition/f:3";
        Ok(match action {
            "ListClusters" => json!({"clusterArns": [cluster]}),
            "DescribeClusters" => json!({"clusters": [{"clusterArn": cluster, "clusterName": "c"}]}),
            "ListServices" => json!({"serviceArns": ["arn:aws:ecs:us-east-1:000000000000:service/c/s"]}),
            "DescribeServices" if body["services"][0].as_str().is_some_and(|name| name.ends_with('s')) => json!({"services": [{
                "serviceName": "s", "serviceArn": "arn:aws:ecs:us-east-1:000000000000:service/c/s", "clusterArn": cluster,
                "status": "ACTIVE", "desiredCount": 0, "taskDefinition": definition}]}),
            "DescribeServices" => json!({"services": []}),
            _ => json!({"taskDefinition": {
                "taskDefinitionArn": definition, "cpu": "256", "memory": "512", "taskRoleArn": "arn:aws:iam::000000000000:role/jobs",
                "containerDefinitions": [{"name": "runner", "image": "i", "command": ["bash", "-c", self.script], "environment": [
                    {"name": "REGISTRATIONS_URL", "value": "https://abc.execute-api.us-east-1.amazonaws.com"}]}]}}),
        })
    }

    async fn authorize(&self, _: HeaderMap, _: Vec<u8>, _: Vec<Need>) -> Option<Denial> {
        self.deny.then(|| Denial { status: 400, kind: "AccessDeniedException".to_owned(), message: "no".to_owned() })
    }

    async fn rules(&self) -> Result<Vec<Rule>, Error> {
        let rule = |name: &str, pattern: &str| Rule { name: name.to_owned(), pattern: pattern.to_owned(), targets: vec![name.to_owned()] };
        Ok(vec![rule("stopped", "STOPPED"), rule("never", "NEVER")])
    }

    async fn fits(&self, pattern: &str, envelope: &Value) -> Result<bool, Error> {
        Ok(envelope["detail"]["lastStatus"] == pattern)
    }

    async fn deliver(&self, target_arn: &str, envelope: &Value) -> Result<(), Error> {
        self.delivered.send((target_arn.to_owned(), envelope.clone())).map_err(|_| Error::Unexpected("nobody listens".to_owned()))
    }

    async fn task_credentials(&self, role_arn: &str, task_id: &str) -> Result<Credentials, Error> {
        let access_key_id = format!("KEY/{}/{task_id}", role_arn.rsplit('/').next().unwrap_or_default());
        let (secret_access_key, session_token) = (SecretString::from("s"), Some(SecretString::from("t")));
        Ok(Credentials { access_key_id, secret_access_key, session_token, expiration: None })
    }
}

struct Stack {
    handle: Option<EcsHandle>,
    seen: UnboundedReceiver<Observation>,
    delivered: UnboundedReceiver<(String, Value)>,
    http: reqwest::Client,
    folder: PathBuf,
}

impl Stack {
    async fn start(name: &str, script: &str, change: impl FnOnce(&mut EcsConfig, &mut Stub)) -> Self {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        drop(std::fs::remove_dir_all(&folder));
        std::fs::create_dir_all(folder.join("runner/bin")).unwrap();
        std::fs::write(folder.join("runner/run.sh"), "runner").unwrap();
        let (delivered, deliveries) = unbounded_channel();
        let (observed, seen) = unbounded_channel();
        let observed = Mutex::new(observed);
        let mut config = EcsConfig::new(folder.join("runner"), folder.join("tasks"));
        config.emulator_port = Some(4_566);
        config.enforce_access = false;
        config.path = std::env::var("PATH").unwrap();
        config.observer = Some(Arc::new(move |observation| drop(observed.lock().unwrap().send(observation))));
        let mut stub = Stub { script: script.to_owned(), delivered, deny: false };
        change(&mut config, &mut stub);
        let timing = Timing { stop_timeout_ms: 300, provision_ms: 5, pull_ms: 5, jitter_ms: 5, deprovision_ms: 5, ..Timing::fast() };
        let model = Arc::new(Mutex::new(EcsModel::new(Config { timing, ..Config::default() }, 1)));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let handle = serve(listener, model, Arc::new(stub), config).await.unwrap();
        drop(rustls::crypto::ring::default_provider().install_default());
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { handle: Some(handle), seen, delivered: deliveries, http, folder }
    }

    async fn ask(&self, action: &str, body: &Value) -> (u16, Value) {
        let request = self.http.post(self.handle.as_ref().unwrap().endpoint());
        let target = format!("AmazonEC2ContainerServiceV20141113.{action}");
        let answer = request.header("x-amz-target", target).body(body.to_string()).send().await.unwrap();
        (answer.status().as_u16(), serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap())
    }

    async fn run_task(&self, mode: &str) -> String {
        let environment = json!([{"name": "GREETING", "value": "hello"}, {"name": "MODE", "value": mode}]);
        let overrides = json!({"containerOverrides": [{"name": "runner", "environment": environment}]});
        let (status, answer) = self.ask("RunTask", &json!({"cluster": "c", "taskDefinition": "f:3", "overrides": overrides})).await;
        assert_eq!(status, 200, "{answer}");
        answer["tasks"][0]["taskArn"].as_str().unwrap().rsplit('/').next().unwrap().to_owned()
    }

    /// The next observation that `wanted` makes something of.
    async fn next<T>(&mut self, wanted: impl Fn(&Observation) -> Option<T>) -> T {
        let search = async {
            loop {
                let observation = self.seen.recv().await.expect("the server observes");
                if let Some(found) = wanted(&observation) {
                    return found;
                }
            }
        };
        tokio::time::timeout(PATIENCE, search).await.expect("it happens in time")
    }

    async fn next_line(&mut self, beginning: &str) -> String {
        self.next(|seen| match seen {
            Observation::Line { line, .. } => line.strip_prefix(beginning).map(str::to_owned),
            _ => None,
        })
        .await
    }

    async fn next_exit(&mut self) -> i32 {
        self.next(|seen| if let Observation::Exited { code, .. } = seen { Some(*code) } else { None }).await
    }

    /// Processes of this stack's tasks.
    fn alive(&self) -> usize {
        let tasks = self.folder.join("tasks");
        let processes = std::fs::read_dir("/proc").unwrap().flatten();
        processes.filter(|entry| std::fs::read_link(entry.path().join("cwd")).is_ok_and(|cwd| cwd.starts_with(&tasks))).count()
    }
}

#[tokio::test]
async fn a_task_sees_what_fargate_gives_and_leaves_no_process_behind() {
    let mut stack = Stack::start("sees", SCRIPT, |_, _| {}).await;
    let id = stack.run_task("exit").await;
    let saw = stack.next_line("saw ").await;
    assert_eq!(saw, format!("{id} KEY/jobs/{id} http://abc.execute-api.localhost:4566 hello clean runner"));
    assert_eq!(stack.next_exit().await, 7);
    assert_eq!(stack.alive(), 0, "the daemon went with its container");
    let (target, event) = tokio::time::timeout(PATIENCE, stack.delivered.recv()).await.unwrap().unwrap();
    assert_eq!((target.as_str(), &event["detail"]["containers"][0]["exitCode"]), ("stopped", &json!(7)));
    assert_eq!(event["detail"]["taskArn"], format!("arn:aws:ecs:us-east-1:000000000000:task/c/{id}"));
    let log = std::fs::read_to_string(stack.handle.as_ref().unwrap().log_of(&id)).unwrap();
    assert!(log.contains("oops") && log.contains("saw "), "{log}");
}

#[tokio::test]
async fn stop_task_ends_the_first_process_by_term() {
    let mut stack = Stack::start("term", SCRIPT, |_, _| {}).await;
    let id = stack.run_task("stay").await;
    stack.next_line("ready").await;
    assert_eq!(stack.ask("StopTask", &json!({"cluster": "c", "task": id})).await.0, 200);
    stack.next_line("term").await;
    assert_eq!(stack.next_exit().await, 15);
    assert_eq!(stack.alive(), 0);
}

#[tokio::test]
async fn what_ignores_term_is_killed_after_the_stop_timeout() {
    let mut stack = Stack::start("kill", "trap '' TERM; echo ready; while :; do sleep 1000; done", |_, _| {}).await;
    let id = stack.run_task("stay").await;
    stack.next_line("ready").await;
    stack.ask("StopTask", &json!({"cluster": "c", "task": id})).await;
    assert_eq!(stack.next_exit().await, 137);
    assert_eq!(stack.alive(), 0);
}

#[tokio::test]
async fn a_service_of_the_deploy_is_known_and_scales() {
    let mut stack = Stack::start("service", SCRIPT, |_, _| {}).await;
    let (status, answer) = stack.ask("UpdateService", &json!({"cluster": "c", "service": "s", "desiredCount": 2})).await;
    assert_eq!((status, &answer["service"]["desiredCount"]), (200, &json!(2)));
    stack.next_line("ready").await;
    stack.next_line("ready").await;
    let (status, answer) = stack.ask("UpdateService", &json!({"cluster": "c", "service": "x", "desiredCount": 2})).await;
    assert_eq!((status, &answer["__type"]), (400, &json!("ServiceNotFoundException")));
}

#[tokio::test]
async fn a_caller_without_permission_is_refused_and_changes_nothing() {
    let denied = |config: &mut EcsConfig, stub: &mut Stub| {
        config.enforce_access = true;
        stub.deny = true;
    };
    let stack = Stack::start("denied", SCRIPT, denied).await;
    let run = json!({"cluster": "c", "taskDefinition": "f:3"});
    assert_eq!(stack.ask("RunTask", &run).await.1["__type"], "MissingAuthenticationTokenException");
    let request = stack.http.post(stack.handle.as_ref().unwrap().endpoint()).header("authorization", "AWS4-HMAC-SHA256 …");
    let answer = request.header("x-amz-target", "AmazonEC2ContainerServiceV20141113.RunTask").body(run.to_string()).send().await.unwrap();
    assert!(answer.text().await.unwrap().contains("AccessDeniedException"));
    assert_eq!(stack.handle.as_ref().unwrap().model().lock().unwrap().tasks_started(), 0);
}

#[tokio::test]
async fn a_lost_answer_breaks_the_connection() {
    let stack = Stack::start("lost", SCRIPT, |_, _| {}).await;
    let handle = stack.handle.as_ref().unwrap();
    handle.model().lock().unwrap().config_mut().faults.broken_with_effect = 1.0;
    let request = stack.http.post(handle.endpoint()).header("x-amz-target", "AmazonEC2ContainerServiceV20141113.ListClusters");
    let answer = request.body("{}").send().await;
    assert!(match answer {
        Ok(answer) => answer.bytes().await.is_err(),
        Err(_) => true,
    });
}

#[tokio::test]
async fn a_hundred_tasks_run_at_once_and_none_outlives_the_shutdown() {
    let mut stack = Stack::start("hundred", "echo ready; sleep 1000 & setsid sleep 1000 & wait", |_, _| {}).await;
    stack.ask("UpdateService", &json!({"cluster": "c", "service": "s", "desiredCount": 100})).await;
    let mut running = HashSet::new();
    while running.len() < 100 {
        let id = stack.next(|seen| if let Observation::Line { task_id, .. } = seen { Some(task_id.clone()) } else { None }).await;
        running.insert(id);
    }
    assert!(stack.alive() >= 100);
    let handle = stack.handle.take().unwrap();
    handle.shutdown().await;
    assert_eq!(stack.alive(), 0);
}

#[tokio::test]
async fn dropping_the_handle_kills_everything() {
    let mut stack = Stack::start("drop", SCRIPT, |_, _| {}).await;
    stack.run_task("stay").await;
    stack.next_line("ready").await;
    drop(stack.handle.take());
    stack.next_exit().await;
    assert_eq!(stack.alive(), 0);
}

#[tokio::test]
async fn a_killed_task_ends_with_137_and_its_events_come_as_often_as_they_are_let() {
    let mut stack = Stack::start("killed", SCRIPT, |_, _| {}).await;
    let mut killed = Vec::new();
    for events in [Events::Lost, Events::Repeated] {
        stack.handle.as_ref().unwrap().set_events(events, true);
        let id = stack.run_task("stay").await;
        stack.next_line("ready").await;
        assert!(stack.handle.as_ref().unwrap().kill(&id));
        assert_eq!(stack.next_exit().await, 137);
        let handle = stack.handle.as_ref().unwrap();
        assert!(!handle.kill(&id), "nothing is left to kill");
        let all_sent = || {
            let (lost, repeated) = handle.events_tampered_with();
            let of_task = |task: &Task| task.version == if events == Events::Lost { lost } else { repeated };
            handle.model().lock().unwrap().task(&id).is_some_and(|task| task.last_status == Status::Stopped && of_task(task))
        };
        let wait = async {
            while !all_sent() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, wait).await.expect("every event of the task has been sent or lost");
        handle.set_events(events, false);
        killed.push(id);
    }
    for _ in 0..2 {
        let (_, event) = tokio::time::timeout(PATIENCE, stack.delivered.recv()).await.unwrap().unwrap();
        assert!(event["detail"]["taskArn"].as_str().unwrap().ends_with(&killed[1]), "of the first nothing ever comes");
    }
}
