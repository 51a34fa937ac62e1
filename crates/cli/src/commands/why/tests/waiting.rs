//! A job that waits for a runner of its fleet: what keeps that runner away.

use super::*;

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
