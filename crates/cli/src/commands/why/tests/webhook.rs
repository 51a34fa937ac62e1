//! A job that has not come into the ledger: who keeps it from there.

use super::*;

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
