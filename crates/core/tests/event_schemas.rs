//! The schemas of the public events (`docs/events`) say what is really written: no field more, none less, and required is what is always there.

use fargate_runners_core::events::{Event, LookAgain, RunnerDone, RunnerInterrupted, RunnerLost, RunnerStopped, ServiceDrifted};
use fargate_runners_core::hosting::Hosting;
use fargate_runners_core::ids::{FleetName, JobId, RepositoryName, RunId, ServiceName, TaskDefinition, TaskId};
use fargate_runners_core::job::{JobEvent, JobPhase};
use fargate_runners_core::labels::Labels;
use fargate_runners_core::task::Stop;
use fargate_runners_core::time::Timestamp;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::PathBuf;

const AT: Timestamp = Timestamp::from_secs(1_793_611_800);

fn fleet() -> FleetName {
    FleetName::parse("default").unwrap()
}

fn task() -> TaskId {
    TaskId::parse(&"0123456789abcdef".repeat(2)).unwrap()
}

fn some(is_full: bool, text: &str) -> Option<String> {
    is_full.then(|| text.to_owned())
}

fn stop(is_full: bool) -> Stop {
    Stop { at: AT, code: some(is_full, "EssentialContainerExited"), reason: some(is_full, "it ended"), exit_code: is_full.then_some(1) }
}

fn job(phase: JobPhase, is_full: bool) -> Event {
    Event::Job(JobEvent {
        fleet: fleet(),
        home: true,
        job_id: JobId(1),
        run_id: RunId(2),
        run_attempt: 1,
        repository: RepositoryName::parse("octo-org/hello").unwrap(),
        workflow_name: some(is_full, "ci"),
        name: "build".to_owned(),
        labels: Labels::parse(["self-hosted", "linux"]).unwrap(),
        phase,
        conclusion: some(is_full, "success"),
        runner_name: some(is_full, "a-runner"),
        at: is_full.then_some(AT),
        seen_at: AT,
        delivery: "guid".to_owned(),
        noted: is_full,
    })
}

/// Every kind of event, with everything that it may say or with nothing that it need not say.
fn events(is_full: bool) -> Vec<Event> {
    let hosting = Hosting { pull_started_at: Some(AT), cpu_units: Some(1024), memory_mib: Some(2048) };
    let service = ServiceName::parse("runners-default-3").unwrap();
    let definition = TaskDefinition::parse("arn:aws:ecs:eu-west-1:1:task-definition/runners-default:3").unwrap();
    let (fleet, task_id) = (fleet(), task());
    let mut all: Vec<Event> =
        [JobPhase::Waiting, JobPhase::Queued, JobPhase::InProgress, JobPhase::Completed].map(|phase| job(phase, is_full)).into();
    all.extend([
        Event::RunnerStopped(RunnerStopped {
            fleet: fleet.clone(),
            task_id: task_id.clone(),
            task_definition: is_full.then_some(definition),
            service: is_full.then(|| service.clone()),
            hosting: if is_full { hosting } else { Hosting::UNKNOWN },
            stop: stop(is_full),
        }),
        Event::RunnerInterrupted(RunnerInterrupted { fleet: fleet.clone(), task_id: task_id.clone(), at: AT }),
        Event::RunnerDone(RunnerDone { fleet: fleet.clone(), task_id: task_id.clone() }),
        Event::RunnerLost(RunnerLost {
            fleet: fleet.clone(),
            task_id,
            job_id: JobId(1),
            run_id: is_full.then_some(RunId(2)),
            repository: some(is_full, "octo-org/hello"),
            stop: stop(is_full),
        }),
        Event::ServiceDrifted(ServiceDrifted { fleet: fleet.clone(), service, desired: 3, at: AT }),
        Event::LookAgain(LookAgain { fleet, due: is_full.then_some(AT) }),
    ]);
    all
}

/// The schema of the event. A new kind of event does not compile without one.
const fn schema_of(event: &Event) -> &'static str {
    match event {
        Event::Job(_) => "job",
        Event::RunnerStopped(_) => "runner-stopped",
        Event::RunnerInterrupted(_) => "runner-interrupted",
        Event::RunnerDone(_) => "runner-done",
        Event::RunnerLost(_) => "runner-lost",
        Event::ServiceDrifted(_) => "service-drifted",
        Event::LookAgain(_) => "look-again",
    }
}

fn documents() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs")
}

fn schema(name: &str) -> Value {
    let file = documents().join(format!("events/{name}.schema.json"));
    serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap()
}

fn written(event: &Event) -> Value {
    serde_json::from_str(&event.to_message().unwrap()).unwrap()
}

fn keys(object: &Value) -> BTreeSet<&str> {
    object.as_object().unwrap().keys().map(String::as_str).collect()
}

fn required(schema: &Value) -> BTreeSet<&str> {
    schema["required"].as_array().map(|names| names.iter().map(|name| name.as_str().unwrap()).collect()).unwrap_or_default()
}

/// Whether the value is what the schema says, down to the last field.
fn check(schema: &Value, value: &Value, at: &str) {
    if let Some(word) = schema.get("const") {
        assert_eq!(value, word, "{at}");
    } else if let Some(words) = schema.get("enum") {
        assert!(words.as_array().unwrap().contains(value), "{at}: {value}");
    } else {
        let kind = match value {
            Value::Bool(_) => "boolean",
            Value::Number(number) if number.is_i64() || number.is_u64() => "integer",
            Value::String(_) => "string",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
            Value::Number(_) | Value::Null => "unexpected",
        };
        assert_eq!(schema["type"], kind, "{at}");
    }
    if let Value::Object(fields) = value {
        assert_eq!(keys(&schema["properties"]), keys(value), "{at}: what may be there, and what is when everything is");
        for (name, field) in fields {
            check(&schema["properties"][name], field, &format!("{at}.{name}"));
        }
    }
    for item in value.as_array().into_iter().flatten() {
        check(&schema["items"], item, &format!("{at}[]"));
    }
}

#[test]
fn a_schema_has_each_field_that_is_written_and_no_other() {
    for event in events(true) {
        check(&schema(schema_of(&event)), &written(&event), event.detail_type());
    }
}

#[test]
fn what_a_schema_requires_is_always_there_and_nothing_else_is() {
    for event in events(false) {
        let (schema, written) = (schema(schema_of(&event)), written(&event));
        assert_eq!(required(&schema), keys(&written), "{}", event.detail_type());
        let detail = &schema["properties"]["detail"];
        assert_eq!(required(detail), keys(&written["detail"]), "{}", event.detail_type());
    }
}

#[test]
fn every_event_and_every_schema_stands_in_the_document() {
    let document = std::fs::read_to_string(documents().join("events.md")).unwrap();
    let mut schemas = BTreeSet::new();
    for event in events(true) {
        let (kind, file) = (event.detail_type(), format!("events/{}.schema.json", schema_of(&event)));
        let rows: Vec<&str> = document.lines().filter(|line| line.starts_with(&format!("| `{kind}` |"))).collect();
        assert!(matches!(&rows[..], [row] if row.contains(&file)), "{kind}: {rows:?}");
        schemas.insert(file);
    }
    let folder = std::fs::read_dir(documents().join("events")).unwrap();
    let files: BTreeSet<String> = folder.map(|entry| format!("events/{}", entry.unwrap().file_name().to_str().unwrap())).collect();
    assert_eq!(files, schemas);
}
