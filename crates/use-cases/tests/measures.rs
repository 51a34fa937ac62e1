//! What `scale` measures, and that a repeat measures nothing twice.

mod common;

use common::{World, scale, stack, task_id};
use fargate_runners_core::events::{Event, RunnerStopped};
use fargate_runners_core::hosting::Hosting;
use fargate_runners_core::ids::{FleetName, JobId, RepositoryName, RunId};
use fargate_runners_core::job::{JobEvent, JobPhase};
use fargate_runners_core::labels::Labels;
use fargate_runners_core::names::RunnerName;
use fargate_runners_core::task::Stop;
use fargate_runners_use_cases::scale::Message;
use metrics::{Counter, CounterFn, Gauge, GaugeFn, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

const FLEET: &str = "burst";

fn message(id: &str, event: &Event) -> Message {
    Message { id: id.to_owned(), body: event.to_message().unwrap() }
}

fn job(phase: JobPhase, after: u64) -> Message {
    let fleet = FleetName::parse(FLEET).unwrap();
    let runner = RunnerName { stack: stack(), fleet: fleet.clone(), task: task_id(7), attempt: 1 };
    let event = Event::Job(JobEvent {
        fleet,
        home: true,
        job_id: JobId(1),
        run_id: RunId(1),
        run_attempt: 1,
        repository: RepositoryName::parse("octo-org/hello").unwrap(),
        workflow_name: None,
        name: "build".to_owned(),
        labels: Labels::parse(["self-hosted", FLEET]).unwrap(),
        phase,
        conclusion: None,
        runner_name: (phase == JobPhase::InProgress).then(|| runner.to_string()),
        at: Some(common::NOW + Duration::from_secs(after)),
        seen_at: common::NOW + Duration::from_secs(after + 1),
        delivery: format!("guid-{after}"),
        noted: false,
    });
    message(&format!("job-{phase:?}"), &event)
}

fn stopped(reason: &str) -> Message {
    let at = common::NOW + Duration::from_secs(90);
    let event = Event::RunnerStopped(RunnerStopped {
        fleet: FleetName::parse(FLEET).unwrap(),
        task_id: task_id(8),
        task_definition: None,
        service: None,
        hosting: Hosting { pull_started_at: Some(common::NOW + Duration::from_secs(10)), cpu_units: Some(512), memory_mib: Some(1024) },
        stop: Stop { at, code: Some("TaskFailedToStart".to_owned()), reason: Some(reason.to_owned()), exit_code: None },
    });
    message("stopped", &event)
}

#[tokio::test]
async fn a_wait_a_failed_boot_and_a_bill_are_measured_once() {
    let values = Values::default();
    let _guard = metrics::set_default_local_recorder(&values);
    let world = World::default();
    let scale = scale(&world);
    scale.handle(vec![job(JobPhase::Queued, 0)]).await;
    assert_eq!(values.of("JobsWaiting Fleet=burst"), [1.0]);
    assert_eq!(values.of("QueueWaitSeconds Fleet=burst"), Vec::<f64>::new());

    world.passes(50);
    let news = || vec![job(JobPhase::InProgress, 40), stopped("CannotPullContainerError: not found")];
    scale.handle(news()).await;
    scale.handle(news()).await;
    assert_eq!(values.of("QueueWaitSeconds Fleet=burst"), [40.0]);
    assert_eq!(values.of("JobDeliveredSeconds "), [1.0]);
    assert_eq!(values.of("BootsFailed Cause=image"), [1.0]);
    assert_eq!((values.of("VcpuSeconds Fleet=burst"), values.of("GigabyteSeconds Fleet=burst")), (vec![40.0], vec![80.0]));
    assert_eq!(values.of("RunnersBusy Fleet=burst"), [0.0, 1.0], "the repeat is written, and left to a look in a second");
    assert_eq!(values.of("OldestQueuedSeconds "), [0.0]);
    assert_eq!(values.of("wanted Fleet=burst"), [1.0; 2], "who searches the log finds what was decided");
}

/// A recorder of what is counted and measured, for one thread.
#[derive(Clone, Debug, Default)]
struct Values(Arc<Mutex<BTreeMap<String, Vec<f64>>>>);

impl Values {
    fn of(&self, name: &str) -> Vec<f64> {
        self.0.lock().unwrap().get(name).cloned().unwrap_or_default()
    }
}

struct Value(Values, String);

impl Value {
    fn add(&self, value: f64) {
        self.0.0.lock().unwrap().entry(self.1.clone()).or_default().push(value);
    }
}

impl HistogramFn for Value {
    fn record(&self, value: f64) {
        self.add(value);
    }
}

impl CounterFn for Value {
    fn increment(&self, value: u64) {
        self.add(f64::from(u32::try_from(value).unwrap()));
    }
    fn absolute(&self, _: u64) {
        unreachable!("nothing counts so");
    }
}

impl GaugeFn for Value {
    fn increment(&self, _: f64) {
        unreachable!("nothing is measured so");
    }
    fn decrement(&self, _: f64) {
        unreachable!("nothing is measured so");
    }
    fn set(&self, value: f64) {
        self.add(value);
    }
}

impl Values {
    fn value(&self, key: &Key) -> Arc<Value> {
        let labels: Vec<_> = key.labels().map(|label| format!("{}={}", label.key(), label.value())).collect();
        Arc::new(Value(self.clone(), format!("{} {}", key.name(), labels.join(","))))
    }
}

impl Recorder for Values {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.value(key))
    }
    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(self.value(key))
    }
    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::from_arc(self.value(key))
    }
}
