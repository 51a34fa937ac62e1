//! What a person is told of one job: how it stands, whether its repository is admitted, and what became of its deliveries.

use crate::inquiry_stage::{GROUP, NOW, Stage};
use fargate_runners_model_github::{Answer, GroupVisibility, NewJob, Visibility};
use fargate_runners_use_cases::inquiry::{Admission, FailureKind, Inquiry, InquiryError, Part};

const MINUTE: u64 = 60_000;

async fn admission(stage: &Stage, repository: &str) -> Part<Admission> {
    let fleets = vec![stage.fleet("default", "org/octo", "app")];
    let mut answer = stage.job(fleets, repository, 1).await;
    answer.fleets.remove(0).admission
}

fn select(stage: &Stage, visibility: GroupVisibility, allows_public_repositories: bool) {
    stage.with(|model| {
        let group = model.group_mut("octo", GROUP).unwrap();
        (group.visibility, group.allows_public_repositories) = (visibility, allows_public_repositories);
    });
}

#[tokio::test]
async fn a_job_is_found_with_its_deliveries_among_many_others() {
    let stage = Stage::new().await;
    let says = "nothing to do: no fleet has all of the labels linux";
    let job = stage.with(|model| {
        let ids = (0..150).map(|number| {
            let at = NOW + number * 2000;
            let id = model.queue_job(at, NewJob::new("octo", if number % 2 == 0 { "hello" } else { "other" }, &["linux"]));
            for outgoing in model.take_deliveries(at) {
                model.answered_with(at, outgoing.id, Answer::Status(202), says);
            }
            id
        });
        ids.collect::<Vec<_>>()[20]
    });
    let answer = stage.job(vec![stage.fleet("default", "org/octo", "app")], "octo/hello", job.0).await;
    let shown = answer.job.answer().unwrap();
    assert_eq!((shown.status.as_str(), shown.labels.as_slice(), shown.started_at), ("queued", ["linux".to_owned()].as_slice(), None));
    assert!(shown.html_url.as_ref().unwrap().ends_with(&format!("/job/{job}")));
    assert!(answer.shown_repository.answer().is_some_and(|repository| repository.visibility == "private" && !repository.is_public));
    let [search] = answer.searches.as_slice() else { panic!("one webhook") };
    assert_eq!((search.webhook.as_str(), search.failure.as_ref(), search.complete), ("app/app", None, true));
    let [delivery] = search.deliveries.as_slice() else { panic!("one delivery: {search:?}") };
    assert_eq!((delivery.action.as_deref(), delivery.status_code), (Some("queued"), 202));
    assert_eq!(delivery.answer, Some(Part::Answer(says.to_owned())));
    assert_eq!(search.looked_into, 1, "the nearest to the job's beginning comes first");
    assert_eq!(stage.server.count("GET /app/hook/deliveries"), 2, "the log is read back to the job's beginning");
}

#[tokio::test]
async fn every_attempt_of_a_delivery_is_told_and_a_job_without_any_is_known_to_have_none() {
    let stage = Stage::new().await;
    let (delivered, silent) = stage.with(|model| {
        let delivered = model.queue_job(NOW, NewJob::new("octo", "hello", &["linux"]));
        let first = model.take_deliveries(NOW).remove(0);
        model.answered_with(NOW, first.id, Answer::Status(500), "not taken");
        assert!(model.redeliver(NOW + MINUTE, first.id));
        let again = model.take_deliveries(NOW + MINUTE).remove(0);
        model.answered_with(NOW + MINUTE, again.id, Answer::Status(202), "published for default");
        model.set_app_events(123, &[]);
        (delivered, model.queue_job(NOW + MINUTE, NewJob::new("octo", "hello", &["linux"])))
    });
    let fleets = || vec![stage.fleet("default", "org/octo", "app")];
    let answer = stage.job(fleets(), "octo/hello", delivered.0).await;
    let told: Vec<_> =
        answer.searches[0].deliveries.iter().map(|one| (one.status_code, one.redelivery, one.answer.clone().unwrap())).collect();
    let said = |text: &str| Part::Answer(text.to_owned());
    assert_eq!(told, [(500, false, said("not taken")), (202, true, said("published for default"))]);
    let answer = stage.job(fleets(), "octo/hello", silent.0).await;
    assert!(answer.job.answer().is_some());
    assert!(answer.searches[0].deliveries.is_empty() && answer.searches[0].complete, "GitHub has sent none");
}

#[tokio::test]
async fn a_runner_group_tells_whether_it_admits_the_repository() {
    let stage = Stage::new().await;
    assert_eq!(admission(&stage, "octo/hello").await, Part::Answer(Admission::Admitted));
    assert_eq!(admission(&stage, "octo/open").await, Part::Answer(Admission::PublicRefused));
    select(&stage, GroupVisibility::All, true);
    assert_eq!(admission(&stage, "octo/open").await, Part::Answer(Admission::Admitted));
    select(&stage, GroupVisibility::Private, true);
    assert_eq!(admission(&stage, "octo/hello").await, Part::Answer(Admission::Admitted));
    assert_eq!(admission(&stage, "octo/open").await, Part::Answer(Admission::PublicRefused));
    let mut names: Vec<String> = (0..120).map(|number| format!("r-{number}")).collect();
    stage.with(|model| names.iter().for_each(|name| model.add_repository("octo", name, Visibility::Private)));
    names.push("other".to_owned());
    select(&stage, GroupVisibility::Selected(names), false);
    assert_eq!(admission(&stage, "octo/other").await, Part::Answer(Admission::Admitted), "on the second page");
    assert_eq!(admission(&stage, "octo/hello").await, Part::Answer(Admission::NotSelected));
    stage.with(|model| model.remove_runner_group("octo", GROUP));
    let missing = admission(&stage, "octo/hello").await;
    assert_eq!(missing.failure().map(|failure| failure.kind), Some(FailureKind::NotFound));
}

#[tokio::test]
async fn each_fleet_that_reaches_the_repository_is_told_of_and_a_token_that_may_not_leaves_it_to_the_next() {
    let stage = Stage::new().await;
    let job = stage.with(|model| model.queue_job(NOW, NewJob::new("octo", "hello", &["linux"])));
    let fleets =
        [("a", "org/octo", "wrong"), ("b", "repo/octo/hello", "pat"), ("c", "repo/octo/other", "pat"), ("d", "org/elsewhere", "pat")];
    let fleets = fleets.map(|(name, scope, credential)| stage.fleet(name, scope, credential)).to_vec();
    let answer = stage.job(fleets, "octo/hello", job.0).await;
    assert_eq!(answer.fleets.iter().map(|fleet| fleet.fleet.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(answer.fleets[0].admission.failure().map(|failure| failure.kind), Some(FailureKind::Unauthorized));
    assert_eq!((&answer.fleets[1].admission, &answer.fleets[1].group), (&Part::Answer(Admission::Admitted), &None));
    assert!(answer.job.answer().is_some() && answer.shown_repository.answer().is_some());
    assert_eq!(answer.searches_failed.map(|failure| failure.kind), Some(FailureKind::Unauthorized));
}

#[tokio::test]
async fn a_job_that_nobody_can_see_is_said_to_be_so() {
    let stage = Stage::new().await;
    let answer = stage.job(vec![stage.fleet("default", "org/octo", "app")], "octo/hello", 1).await;
    let failure = answer.job.failure().unwrap();
    assert_eq!((failure.kind, failure.status), (FailureKind::NotFound, Some(404)));
    assert!(failure.needed.as_ref().unwrap().contains("Actions: read"));
    let answer = stage.job(vec![stage.fleet("default", "org/octo", "app")], "elsewhere/hello", 1).await;
    assert!(answer.fleets.is_empty() && answer.job.failure().unwrap().message.contains("no fleet's scope reaches elsewhere/hello"));
    for repository in ["hello", "octo/..", "octo/a?b", "a/b/c"] {
        let asked = stage.ask(Vec::new(), &Inquiry::Job { repository: repository.to_owned(), job_id: 1 }).await;
        assert!(matches!(asked, Err(InquiryError::Repository(_))), "{repository}");
    }
}
