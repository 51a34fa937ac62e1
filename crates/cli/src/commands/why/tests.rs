//! Each reason for which a job waits, by its evidence.

mod waiting;
mod webhook;

use super::arrival;
use super::cause::{self, Cause};
use super::evidence::{Evidence, Github};
use super::{job_of, steps};
use crate::arguments::tests::understood;
use crate::facts::FleetFacts;
use crate::said::Complaint;
use crate::words;
use fargate_runners_core::fleet::{Fleet, LaunchMode};
use fargate_runners_core::hosting::Hosting;
use fargate_runners_core::ids::{FleetName, JobId, RepositoryName, RunId, ServiceName, TaskDefinition, TaskId};
use fargate_runners_core::job::{JobEvent, JobPhase, JobRecord};
use fargate_runners_core::labels::Labels;
use fargate_runners_core::record::{Slot, View};
use fargate_runners_core::state::{FailedBoot, Refusal, ServiceState};
use fargate_runners_core::task::TaskRecord;
use fargate_runners_core::time::Timestamp;
use fargate_runners_use_cases::inquiry::{
    Access, Admission, Candidate, Delivery, Failure, FailureKind, JobAnswer, Part, RunnerGroup, Search, ShownJob, ShownRepository,
};
use fargate_runners_use_cases::ports::SeenTask;
use serde_json::json;
use std::collections::BTreeMap;
use std::time::Duration;

const NOW: Timestamp = Timestamp::from_secs(1_000_000);

fn fleet(name: &str, labels: &[&str], maximum: u32) -> FleetFacts {
    let description = json!({
        "fleet": name, "scope": "org/octo-org", "credential": "default", "labels": labels, "launch_mode": "tasks", "maximum": maximum,
        "task_role": "r", "cluster": "arn:aws:ecs:eu-west-1:111122223333:cluster/runners", "subnets": ["subnet-1"],
        "task_definition": "arn:aws:ecs:eu-west-1:111122223333:task-definition/runners-default:3",
    });
    FleetFacts { fleet: Fleet::parse(&description.to_string()).unwrap(), view: View::new(FleetName::parse(name).unwrap()) }
}

fn job(number: u64, ago: u64, phase: JobPhase) -> JobRecord {
    JobRecord::from_event(&JobEvent {
        fleet: FleetName::parse("default").unwrap(),
        home: true,
        job_id: JobId(number),
        run_id: RunId(7),
        run_attempt: 1,
        repository: RepositoryName::parse("octo-org/app").unwrap(),
        workflow_name: Some("ci".to_owned()),
        name: "build".to_owned(),
        labels: Labels::parse(["linux"]).unwrap(),
        phase,
        conclusion: None,
        runner_name: None,
        at: Some(NOW - Duration::from_secs(ago)),
        seen_at: NOW - Duration::from_secs(ago),
        delivery: "d".to_owned(),
        noted: false,
    })
}

/// A job that has waited for five minutes in a fleet of ten without tasks.
fn evidence() -> Evidence {
    let mut facts = fleet("default", &["linux", "x64"], 10);
    let record = JobRecord { raised_at: Some(NOW - Duration::from_secs(290)), ..job(1, 300, JobPhase::Queued) };
    facts.view.jobs.insert(JobId(1), Slot::new(record.clone()));
    Evidence {
        now: NOW,
        fleets: vec![facts],
        unreadable: BTreeMap::new(),
        records: vec![record],
        task: None,
        seen_tasks: vec![],
        started: BTreeMap::new(),
        services: vec![],
        github: Github::NotAsked,
        access: None,
        paused_until: None,
        complaints: vec![],
        trouble: vec![],
    }
}

/// A job of which the ledger knows nothing, and GitHub shows that it is queued.
fn unknown(labels: &[&str], answer: JobAnswer) -> Evidence {
    let shown =
        ShownJob { status: "queued".to_owned(), labels: labels.iter().map(|label| (*label).to_owned()).collect(), ..ShownJob::default() };
    let candidate = Candidate { fleet: "default".to_owned(), ..Candidate::default() };
    let answer = JobAnswer { job: Part::Answer(shown), fleets: vec![candidate], ..answer };
    Evidence { records: vec![], github: Github::Answer(Box::new(answer)), ..evidence() }
}

fn task(number: u64, change: impl FnOnce(&mut TaskRecord)) -> TaskRecord {
    let mut task = TaskRecord::new(
        FleetName::parse("default").unwrap(),
        TaskId::parse(&format!("{number:032x}")).unwrap(),
        NOW - Duration::from_secs(200),
    );
    change(&mut task);
    task
}

fn with_task(mut evidence: Evidence, task: TaskRecord) -> Evidence {
    evidence.fleets[0].view.tasks.insert(task.task_id.clone(), Slot::new(task));
    evidence
}

fn seen(number: u64, status: &str, ago: u64) -> SeenTask {
    SeenTask {
        id: TaskId::parse(&format!("{number:032x}")).unwrap(),
        last_status: status.to_owned(),
        desired_status: "RUNNING".to_owned(),
        task_definition: TaskDefinition::parse("arn:aws:ecs:eu-west-1:111122223333:task-definition/runners-default:3").unwrap(),
        service: None,
        created_at: Some(NOW - Duration::from_secs(ago)),
        hosting: Hosting::UNKNOWN,
        stop: None,
    }
}

/// The cause, in the one word that JSON has for it, after what it says and advises was checked to hold a sentence each.
fn waits_for(evidence: &Evidence) -> String {
    let cause = cause::of(evidence);
    assert!(cause.sentence().ends_with(['.', ')']) || cause.sentence().len() > 10, "{cause:?}");
    understood(cause.remedy().as_deref().unwrap_or_default());
    serde_json::to_value(&cause).unwrap()["waits_for"].as_str().unwrap().to_owned()
}

/// What a function has logged.
fn complains(function: &'static str, what: &str, about: &str) -> (&'static str, Complaint) {
    let line =
        json!({"timestamp": "1970-01-12T13:46:00Z", "level": "ERROR", "message": what, "fleet": "default", "about": about}).to_string();
    (function, Complaint::parse(&line).unwrap())
}

#[test]
fn a_job_that_scale_does_not_see_to_is_told_what_scale_complains_of() {
    let said = Some(Part::Answer("published".to_owned()));
    let taken = Delivery { action: Some("queued".to_owned()), status_code: 202, ok: true, answer: said, ..Delivery::default() };
    let search = Search { deliveries: vec![taken], complete: true, ..Search::default() };
    let mut published = unknown(&["linux"], JobAnswer { searches: vec![search], ..JobAnswer::default() });
    published.complaints =
        vec![complains("register", "nothing of interest", ""), complains("scale", "the ledger could not be written", "")];
    assert!(cause::of(&published).sentence().contains("the ledger could not be written"));
    // What is said of another fleet keeps no job of this one.
    let of_another = json!({"timestamp": "1970-01-12T13:46:30Z", "level": "ERROR", "message": "not of this fleet", "fleet": "big", "credential": "default"});
    published.complaints = vec![("scale", Complaint::parse(&of_another.to_string()).unwrap())];
    assert!(matches!(cause::of(&published), Cause::Published { said: None, .. }));
    let mut waiting = evidence();
    waiting.seen_tasks = vec![seen(1, "RUNNING", 120)];
    waiting.complaints = vec![("register", Complaint::parse(&of_another.to_string()).unwrap())];
    assert!(matches!(cause::of(&waiting), Cause::NotLetIn { said: None, .. }));
}

#[test]
fn a_runner_group_that_does_not_admit_the_repository_stands_before_all_that_the_fleet_does() {
    let mut evidence = with_task(evidence(), task(1, |task| task.registered_at = Some(NOW - Duration::from_secs(100))));
    assert_eq!(waits_for(&evidence), "hand_over");
    let listed = vec!["octo-org/app/.github/workflows/ci.yml@refs/heads/main".to_owned()];
    let group = RunnerGroup { name: "prod".to_owned(), selected_workflows: listed, ..RunnerGroup::default() };
    let mut candidate = Candidate {
        fleet: "default".to_owned(),
        group: Some(Part::Answer(group.clone())),
        admission: Part::Answer(Admission::Admitted),
        ..Candidate::default()
    };
    let answer = |candidate: &Candidate| Github::Answer(Box::new(JobAnswer { fleets: vec![candidate.clone()], ..JobAnswer::default() }));
    // A list that is not in force keeps nothing out.
    evidence.github = answer(&candidate);
    assert_eq!(waits_for(&evidence), "hand_over");
    let restricted = |workflows: Vec<String>| {
        let group = RunnerGroup { restricted_to_workflows: true, selected_workflows: workflows, ..group.clone() };
        Candidate { group: Some(Part::Answer(group)), ..candidate.clone() }
    };
    evidence.github = answer(&restricted(group.selected_workflows.clone()));
    assert_eq!(waits_for(&evidence), "workflows");
    assert!(cause::of(&evidence).sentence().starts_with("It may wait for its runner group"), "of which file a job is GitHub does not say");
    evidence.github = answer(&restricted(vec![]));
    assert!(cause::of(&evidence).sentence().contains("none is selected"));
    candidate.admission = Part::Answer(Admission::NotSelected);
    evidence.github = answer(&candidate);
    assert_eq!(waits_for(&evidence), "runner_group");
}

#[test]
fn a_job_that_does_not_wait_is_not_explained_as_if_it_did() {
    let phase = |phase| Evidence { records: vec![job(1, 60, phase)], ..evidence() };
    assert_eq!(waits_for(&phase(JobPhase::Completed)), "over");
    assert_eq!(waits_for(&phase(JobPhase::InProgress)), "runs");
    assert_eq!(waits_for(&phase(JobPhase::Waiting)), "gate");
    let shown = ShownJob { status: "completed".to_owned(), conclusion: Some("cancelled".to_owned()), ..ShownJob::default() };
    let closed =
        Evidence { github: Github::Answer(Box::new(JobAnswer { job: Part::Answer(shown), ..JobAnswer::default() })), ..evidence() };
    assert_eq!(waits_for(&closed), "over_at_github");
    assert_eq!(waits_for(&Evidence { records: vec![], ..evidence() }), "nowhere");
}

#[test]
fn a_job_that_was_just_seen_waits_for_the_next_look() {
    let fresh = |ago| {
        let record = job(1, ago, JobPhase::Queued);
        let mut evidence = Evidence { records: vec![record.clone()], ..evidence() };
        evidence.fleets[0].view.jobs.insert(JobId(1), Slot::new(record));
        cause::of(&evidence)
    };
    assert!(matches!(fresh(3), Cause::Look { late: false, .. }));
    assert!(matches!(fresh(300), Cause::Look { late: true, .. }));
}

#[test]
fn a_job_is_named_by_its_address_its_number_or_its_repository_with_its_number() {
    let named = |given: &[&str]| job_of(&given.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>());
    let repository = RepositoryName::parse("octo-org/app").unwrap();
    for address in
        ["https://github.com/octo-org/app/actions/runs/7/job/42", "https://ghe.example.com/octo-org/app/runs/42?check_suite_focus=true"]
    {
        assert_eq!(named(&[address]).unwrap(), (Some(repository.clone()), JobId(42)), "{address}");
    }
    assert_eq!(named(&["42"]).unwrap(), (None, JobId(42)));
    assert_eq!(named(&["octo-org/app", "42"]).unwrap(), (Some(repository), JobId(42)));
    assert!(named(&["build"]).unwrap_err().to_string().contains("is no job"));
    let run = named(&["https://github.com/octo-org/app/actions/runs/7/attempts/2"]);
    assert!(run.unwrap_err().to_string().contains("a run has jobs"), "neither 7 nor 2 is a job");
}
