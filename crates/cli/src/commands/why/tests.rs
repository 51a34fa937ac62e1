//! Each reason for which a job waits, by its evidence.

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

#[test]
fn a_job_without_a_fleet_is_told_the_nearest_one_and_the_label_that_it_lacks() {
    let evidence = unknown(&["linux", "x46"], JobAnswer::default());
    assert_eq!(
        cause::of(&evidence),
        Cause::NoFleet { labels: "linux,x46".to_owned(), nearest: Some("default".to_owned()), lacks: vec!["x46".to_owned()] }
    );
    assert!(cause::of(&evidence).remedy().unwrap().contains("typing error"));
}

#[test]
fn a_job_that_no_scope_reaches_and_one_of_a_public_repository_are_told_apart() {
    let mut nowhere = unknown(&["linux"], JobAnswer::default());
    if let Github::Answer(answer) = &mut nowhere.github {
        answer.fleets.clear();
    }
    assert_eq!(waits_for(&nowhere), "no_scope");
    let public = Part::Answer(ShownRepository { is_public: true, ..ShownRepository::default() });
    assert_eq!(waits_for(&unknown(&["linux"], JobAnswer { shown_repository: public, ..JobAnswer::default() })), "public_refused");
}

/// With a fleet whose description cannot be read.
fn with_unreadable(evidence: Evidence) -> Evidence {
    let why = "the description is not as expected: missing field `scope`".to_owned();
    Evidence { unreadable: BTreeMap::from([("/runners/fleets/gpu".to_owned(), why)]), ..evidence }
}

#[test]
fn a_job_that_may_belong_to_a_fleet_that_cannot_be_read_is_told_its_parameter() {
    let names_it = |evidence: Evidence| {
        let evidence = with_unreadable(evidence);
        assert_eq!(waits_for(&evidence), "fleet_unreadable");
        let cause = cause::of(&evidence);
        assert!(cause.sentence().contains("/runners/fleets/gpu (the description is not as expected"), "{}", cause.sentence());
        let remedy = cause.remedy().unwrap();
        assert!(remedy.starts_with("Deploy that fleet's stack again") && remedy.contains("/runners/fleets/gpu"), "{remedy}");
        cause
    };
    // No other fleet has the labels, none reaches the repository, nobody knows of it, its fleet has given up the labels.
    names_it(unknown(&["gpu"], JobAnswer::default()));
    let mut nowhere = unknown(&["linux"], JobAnswer::default());
    if let Github::Answer(answer) = &mut nowhere.github {
        answer.fleets.clear();
    }
    names_it(nowhere);
    names_it(Evidence { records: vec![], ..evidence() });
    let relabelled = JobRecord { labels: Labels::parse(["gpu"]).unwrap(), ..job(1, 300, JobPhase::Queued) };
    names_it(Evidence { records: vec![relabelled], ..evidence() });
    // The ledger has it from the time when the fleet could be read.
    let of = |fleet: &str| JobRecord { fleet: FleetName::parse(fleet).unwrap(), ..job(1, 300, JobPhase::Queued) };
    let known = names_it(Evidence { records: vec![of("gpu")], ..evidence() });
    assert!(matches!(known, Cause::FleetUnreadable { certain: true, .. }), "{known:?}");
    // Whoever holds no fleet for gone offers its jobs to no other.
    names_it(Evidence { records: vec![of("gone")], ..evidence() });
    assert_eq!(waits_for(&Evidence { records: vec![of("gone")], ..evidence() }), "fleet_gone");
}

#[test]
fn a_fleet_that_cannot_be_read_keeps_no_job_that_fits_another() {
    assert_eq!(waits_for(&with_unreadable(unknown(&["linux"], JobAnswer::default()))), "no_delivery");
    assert_eq!(waits_for(&with_unreadable(with_task(evidence(), task(5, |task| task.registered_at = Some(NOW))))), "hand_over");
    let public = Part::Answer(ShownRepository { is_public: true, ..ShownRepository::default() });
    let public = unknown(&["linux"], JobAnswer { shown_repository: public, ..JobAnswer::default() });
    assert_eq!(waits_for(&with_unreadable(public)), "public_refused");
}

#[test]
fn a_job_whose_webhook_did_not_come_is_told_what_became_of_its_delivery() {
    let search = |deliveries: Vec<Delivery>| JobAnswer {
        searches: vec![Search { deliveries, complete: true, ..Search::default() }],
        ..JobAnswer::default()
    };
    assert_eq!(waits_for(&unknown(&["linux"], search(vec![]))), "no_delivery");
    let said = Some(Part::Answer("no secret signs it".to_owned()));
    let refused = Delivery { action: Some("queued".to_owned()), status_code: 401, answer: said, ..Delivery::default() };
    let evidence = unknown(&["linux"], search(vec![refused.clone()]));
    assert_eq!(cause::of(&evidence), Cause::DeliveryFailed { status: 401, said: "no secret signs it".to_owned() });
    let remedy = cause::of(&evidence).remedy().unwrap();
    assert!(remedy.contains("webhook-secrets") && remedy.contains("`fargate-runners setup`"), "{remedy}");
    let taken = Delivery { status_code: 202, ok: true, delivered_at: NOW - Duration::from_secs(120), ..refused };
    assert_eq!(cause::of(&unknown(&["linux"], search(vec![taken]))), Cause::Published { minutes: 2, said: None });
}

#[test]
fn a_job_whose_delivery_was_dropped_before_its_fleet_came_is_told_to_have_it_delivered_again() {
    let delivery = |id, answer: &str| Delivery {
        id,
        guid: format!("guid-{id}"),
        action: Some("queued".to_owned()),
        status_code: 202,
        ok: true,
        delivered_at: NOW - Duration::from_secs(300 - id),
        answer: Some(Part::Answer(answer.to_owned())),
        ..Delivery::default()
    };
    let told = |webhook: &str, deliveries: Vec<Delivery>| {
        let search = Search { webhook: webhook.to_owned(), deliveries, complete: true, ..Search::default() };
        unknown(&["linux"], JobAnswer { searches: vec![search], ..JobAnswer::default() })
    };
    let nothing = "nothing to do: no fleet has all of the labels linux";
    let dropped = told("app/default", vec![delivery(1, nothing)]);
    let cause = cause::of(&dropped);
    assert!(matches!(&cause, Cause::Dropped { fleet, said, .. } if fleet == "default" && said == nothing), "{cause:?}");
    assert_eq!(waits_for(&dropped), "dropped");
    assert!(cause.sentence().contains(nothing), "the webhook's answer is named");
    let remedy = cause.remedy().unwrap();
    assert!(
        remedy.contains("Redeliver on the delivery guid-1") && remedy.contains("the App") && remedy.contains("re-run the job"),
        "{remedy}"
    );
    let refused = "refused: octo-org/app is public, and fleet default does not allow public repositories";
    let of_hook = told("org/octo-org/hooks/42", vec![delivery(1, refused)]);
    assert_eq!(waits_for(&of_hook), "dropped");
    assert!(cause::of(&of_hook).remedy().unwrap().contains("the webhook 42 of org/octo-org"));
    // Sent again, it was taken: what became of the first attempt is past.
    assert_eq!(waits_for(&told("app/default", vec![delivery(1, nothing), delivery(2, "published for default")])), "published");
}

#[test]
fn how_the_webhook_answers_is_what_the_readme_says() {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../README.md")).unwrap();
    let webhook = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../use-cases/src/webhook.rs")).unwrap();
    for answer in arrival::DROPPED.into_iter().chain([arrival::PUBLISHED]) {
        assert!(readme.contains(&format!("| 202 `{answer}")), "{answer}");
        assert!(webhook.contains(&format!("\"{answer}")), "{answer}");
    }
}

#[test]
fn a_fleet_that_is_full_or_drained_is_named() {
    let mut full = evidence();
    full.fleets[0].fleet.maximum = 1;
    let full = with_task(
        full,
        task(5, |task| {
            task.registered_at = Some(NOW);
            task.job_id = Some(JobId(9));
        }),
    );
    assert_eq!(cause::of(&full), Cause::Maximum { fleet: "default".to_owned(), maximum: 1, ahead: 0 });
    let mut drained = evidence();
    drained.fleets[0].fleet = drained.fleets[0].fleet.clone().drain();
    assert_eq!(waits_for(&drained), "drained");
}

/// The fleet as a service of ten places with so many tasks, and the job as the last of as many that wait as there are places.
fn full_service(tasks: u64, change: impl Fn(&mut TaskRecord)) -> Evidence {
    let mut evidence = evidence();
    let facts = &mut evidence.fleets[0];
    let service = ServiceName::parse("runners-default-3").unwrap();
    facts.fleet.launch_mode = LaunchMode::Service(service.clone());
    let asked = ServiceState { desired: 10, applied: Some(10), ..ServiceState::default() };
    facts.view.state.get_mut().services.insert(service, asked);
    for number in 2..=11 {
        facts.view.jobs.insert(JobId(number), Slot::new(job(number, 400, JobPhase::Queued)));
    }
    for number in 1..=tasks {
        evidence = with_task(evidence, task(number, &change));
    }
    evidence
}

#[test]
fn a_place_that_nothing_fills_is_no_reason_to_speak_of_the_maximum() {
    let busy = |task: &mut TaskRecord| {
        task.registered_at = Some(NOW);
        task.job_id = Some(JobId(99));
    };
    // The quota is 6 tasks: the service has 4 places left, and more jobs than these wait.
    let mut quota = full_service(6, busy);
    assert_eq!(waits_for(&quota), "maximum", "nothing is said of the four");
    let refusal = Refusal { at: NOW, reason: "You've reached the limit on the number of vCPUs you can run concurrently".to_owned() };
    quota.fleets[0].view.state.get_mut().refused = Some(refusal.clone());
    assert_eq!(waits_for(&quota), "vcpu_quota");
    // The image cannot be pulled.
    let boot = |number: u64| {
        let boot = FailedBoot { at: NOW, reason: "CannotPullContainerError: not found".to_owned() };
        (TaskId::parse(&format!("{:032x}", 100 + number)).unwrap(), boot)
    };
    let mut image = full_service(6, busy);
    image.fleets[0].view.state.get_mut().last_registered_at = NOW - Duration::from_secs(60);
    image.fleets[0].view.state.get_mut().failed_boots = (1..=3).map(boot).collect();
    assert_eq!(waits_for(&image), "image");
    // GitHub registers nobody: ten tasks run, none of them has a runner.
    let mut refused = full_service(10, |_| {});
    refused.seen_tasks = (1..=10).map(|number| seen(number, "RUNNING", 120)).collect();
    let failure = Failure::new(FailureKind::Forbidden, "Resource not accessible by integration");
    refused.access = Some(Access { runners: Part::Failed(failure), ..Access::default() });
    assert_eq!(waits_for(&refused), "mint_refused");
    // Every place has its runner: what was refused before is past.
    let mut full = full_service(10, busy);
    full.fleets[0].view.state.get_mut().refused = Some(refusal);
    assert_eq!(waits_for(&full), "maximum");
}

#[test]
fn what_ecs_refuses_and_what_ends_before_it_registers_is_told_in_aws_words() {
    let mut evidence = evidence();
    let state = |evidence: &mut Evidence| evidence.fleets[0].view.state.get_mut().clone();
    let refused = |reason: &str| {
        let mut evidence = self::evidence();
        evidence.fleets[0].view.state.get_mut().refused = Some(Refusal { at: NOW, reason: reason.to_owned() });
        waits_for(&evidence)
    };
    assert_eq!(refused("You've reached the limit on the number of vCPUs you can run concurrently"), "vcpu_quota");
    assert_eq!(refused("Capacity is unavailable at this time"), "refused");
    let failed = |reason: &str| {
        let mut evidence = self::evidence();
        let boot = FailedBoot { at: NOW, reason: reason.to_owned() };
        evidence.fleets[0].view.state.get_mut().failed_boots.insert(TaskId::parse(&"a".repeat(32)).unwrap(), boot);
        waits_for(&evidence)
    };
    assert_eq!(failed("CannotPullContainerError: pull image manifest has been retried 1 time(s)"), "image");
    assert_eq!(failed("Essential container in task exited (exit code 10)"), "boots");
    assert_eq!(failed("Essential container in task exited (exit code 12)"), "boots");
    assert!(state(&mut evidence).refused.is_none());
}

#[test]
fn a_task_on_its_way_up_is_told_with_what_it_does() {
    let mut pulling = evidence();
    pulling.seen_tasks = vec![seen(1, "PENDING", 30)];
    let said = |evidence: &Evidence| cause::of(evidence).sentence();
    assert!(said(&pulling).ends_with("it is PENDING, since 30 s."), "{}", said(&pulling));
    pulling.seen_tasks[0].hosting.pull_started_at = Some(NOW - Duration::from_secs(10));
    assert!(said(&pulling).ends_with("it pulls its image, since 10 s."), "{}", said(&pulling));
    let pulls = |evidence: &Evidence| steps::of(evidence).into_iter().find(|step| step.what.contains("begins to pull its image"));
    assert_eq!(pulls(&pulling).and_then(|step| step.at), Some(words::utc(NOW - Duration::from_secs(10))));
    // The ledger may know of the pull what ECS's list did not say.
    let mut noted = with_task(evidence(), task(1, |task| task.hosting.pull_started_at = Some(NOW - Duration::from_secs(20))));
    noted.seen_tasks = vec![seen(1, "PENDING", 30)];
    assert!(said(&noted).ends_with("it pulls its image, since 20 s."), "{}", said(&noted));
    // From three minutes on it is worth a look.
    assert_eq!(cause::of(&noted).remedy(), None);
    noted.seen_tasks = vec![seen(1, "PENDING", 180)];
    assert_eq!(waits_for(&noted), "starting");
    let remedy = cause::of(&noted).remedy().unwrap();
    assert!(remedy.contains(&format!("`fargate-runners logs {:032x}`", 1)) && remedy.contains("`fargate-runners doctor`"), "{remedy}");
    // Where ECS does not say when it began to run, as long as Fargate may take is no sign of anything.
    pulling.seen_tasks = vec![seen(1, "RUNNING", 50)];
    assert_eq!(waits_for(&pulling), "starting");
    pulling.seen_tasks = vec![seen(1, "PROVISIONING", 50)];
    assert_eq!(waits_for(&pulling), "starting");
}

#[test]
fn the_task_that_took_a_job_tells_when_it_pulled_its_image() {
    let at = NOW - Duration::from_secs(150);
    let took = task(1, |task| task.hosting.pull_started_at = Some(at));
    let taken = Evidence { task: Some(took), records: vec![job(1, 60, JobPhase::InProgress)], ..evidence() };
    let steps = steps::of(&taken);
    assert!(steps.iter().any(|step| step.what == "it begins to pull its image" && step.at == Some(words::utc(at))), "{steps:?}");
}

#[test]
fn a_failure_or_two_are_past_once_another_task_is_on_its_way() {
    let failed = |ago: &[u64]| {
        let boot = |(number, ago): (usize, &u64)| {
            let boot = FailedBoot { at: NOW - Duration::from_secs(*ago), reason: "CannotPullContainerError: not found".to_owned() };
            (TaskId::parse(&format!("{:032x}", 100 + number)).unwrap(), boot)
        };
        let mut evidence = evidence();
        evidence.fleets[0].view.state.get_mut().failed_boots = ago.iter().enumerate().map(boot).collect();
        evidence.seen_tasks = vec![seen(1, "PENDING", 30)];
        evidence
    };
    assert_eq!(waits_for(&failed(&[1800])), "starting");
    assert_eq!(waits_for(&failed(&[1800, 900])), "starting");
    // So many of them are no accident, and hold back all but a probe.
    assert_eq!(waits_for(&failed(&[1800, 900, 600])), "image");
    // It came up before the other one failed, and proves nothing.
    assert_eq!(waits_for(&failed(&[20])), "image");
    assert_eq!(waits_for(&Evidence { seen_tasks: vec![], ..failed(&[1800]) }), "image");
}

#[test]
fn a_pause_of_more_than_two_minutes_is_the_hourly_limit_of_the_credential() {
    let paused = |seconds| {
        let until = Some(NOW + Duration::from_secs(seconds));
        Evidence { seen_tasks: vec![seen(1, "RUNNING", 30)], paused_until: until, ..evidence() }
    };
    assert_eq!(waits_for(&paused(120)), "mint_pace");
    assert_eq!(waits_for(&paused(121)), "rate_limit");
    let cause = cause::of(&paused(2400));
    assert!(cause.sentence().contains("rate limit: the calls of credential default are used up until"), "{}", cause.sentence());
    let remedy = cause.remedy().unwrap();
    assert!(remedy.contains("`fargate-runners doctor`") && remedy.contains("an App of its own"), "{remedy}");
}

#[test]
fn a_task_without_a_registration_waits_for_the_pace_unless_github_refuses() {
    let mut waiting = with_task(evidence(), task(1, |_| {}));
    waiting.seen_tasks = vec![seen(1, "RUNNING", 120)];
    assert_eq!(waits_for(&waiting), "not_let_in");
    // Fargate took its time, and the script has only just begun.
    let starts = |ago| BTreeMap::from([(TaskId::parse(&format!("{:032x}", 1)).unwrap(), NOW - Duration::from_secs(ago))]);
    waiting.started = starts(5);
    assert!(matches!(cause::of(&waiting), Cause::Starting { doing, .. } if doing == "it registers its runner"));
    waiting.started = starts(30);
    assert_eq!(waits_for(&waiting), "not_let_in");
    if let Some(task) = waiting.fleets[0].view.tasks.values_mut().next() {
        task.get_mut().nonce_sha256 = Some("0".repeat(64));
    }
    assert_eq!(waits_for(&waiting), "mint_pace");
    let failure = Failure {
        needed: Some("Self-hosted runners: read and write".to_owned()),
        ..Failure::new(FailureKind::Forbidden, "Resource not accessible by integration")
    };
    waiting.access = Some(Access { runners: Part::Failed(failure), ..Access::default() });
    let cause = cause::of(&waiting);
    assert!(matches!(&cause, Cause::MintRefused { said, .. } if said.contains("not accessible")), "{cause:?}");
    assert!(cause.remedy().unwrap().contains("Self-hosted runners"));
}

/// What a function has logged.
fn complains(function: &'static str, what: &str, about: &str) -> (&'static str, Complaint) {
    let line =
        json!({"timestamp": "1970-01-12T13:46:00Z", "level": "ERROR", "message": what, "fleet": "default", "about": about}).to_string();
    (function, Complaint::parse(&line).unwrap())
}

#[test]
fn a_task_that_is_not_let_in_waits_for_what_register_complains_of() {
    let mut waiting = evidence();
    waiting.seen_tasks = vec![seen(1, "RUNNING", 120)];
    assert_eq!(waits_for(&waiting), "not_let_in");
    let task = format!("{:032x}", 1);
    waiting.complaints = vec![complains("register", "a request failed", &task)];
    assert!(matches!(cause::of(&waiting), Cause::NotLetIn { said: Some(said), .. } if said == "a request failed"));
    waiting.complaints = vec![complains("register", "ECS refused scale-in protection; the task asks again", &task)];
    assert_eq!(waits_for(&waiting), "protection");
    // A pause is a pause from the first moment on.
    waiting.seen_tasks = vec![seen(1, "RUNNING", 2)];
    waiting.paused_until = Some(NOW + Duration::from_secs(30));
    assert!(matches!(cause::of(&waiting), Cause::MintPace { waiting: 1, until: Some(_), .. }));
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
fn a_job_that_github_does_not_show_is_not_called_unknown_for_another_reason() {
    let hidden = |kind| {
        let job = Part::Failed(Failure::new(kind, "no"));
        let answer =
            JobAnswer { job, fleets: vec![Candidate { fleet: "default".to_owned(), ..Candidate::default() }], ..JobAnswer::default() };
        Evidence { records: vec![], github: Github::Answer(Box::new(answer)), ..evidence() }
    };
    assert_eq!(waits_for(&hidden(FailureKind::NotFound)), "not_visible");
    assert_eq!(waits_for(&hidden(FailureKind::Unavailable)), "cannot_ask");
    let mut nowhere = hidden(FailureKind::NotFound);
    if let Github::Answer(answer) = &mut nowhere.github {
        answer.fleets.clear();
    }
    assert_eq!(waits_for(&nowhere), "no_scope");
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
