use super::*;
use fargate_runners_model_github::{Config, GithubModel, NewJob, Visibility};

const MINUTE: Millis = 60_000;

fn plan(name: &'static str, labels: &[&'static str]) -> FleetPlan {
    FleetPlan {
        name,
        scope: "org/octo-org",
        credential: "default",
        labels: labels.to_vec(),
        runner_group: 1,
        allow_public: false,
        service: true,
        maximum: 10,
        warm: 1,
        spot_percent: 50,
        lease_seconds: 60,
        revision: 1,
    }
}

fn job(at: Millis, repository: &str, labels: &[&str]) -> Job {
    let mut github = GithubModel::new(Config::default(), 1);
    github.add_repository("octo-org", repository, Visibility::Private);
    let id = github.queue_job(at, NewJob::new("octo-org", repository, labels));
    github.job(id).unwrap().clone()
}

#[test]
fn a_fleet_is_described_as_its_stack_does() {
    let fleet = plan("linux", &["self-hosted", "Linux"]).describe().unwrap();
    assert_eq!(fleet.service().unwrap().as_str(), "runners-linux-1");
    assert_eq!((fleet.task_definition.family(), fleet.task_role.as_str()), ("runners-linux", "runners-linux-task"));
    let tasks = FleetPlan { service: false, ..plan("linux", &["self-hosted"]) }.describe().unwrap();
    assert_eq!(tasks.service(), None);
}

#[test]
fn the_book_remembers_the_highest_maximum() {
    let mut book = FleetBook::default();
    book.begin_with(plan("linux", &["self-hosted"]));
    book.describe(100, FleetPlan { maximum: 30, ..plan("linux", &["self-hosted"]) });
    book.describe(200, FleetPlan { maximum: 2, ..plan("linux", &["self-hosted"]) });
    let highest = [0, 150, 200].map(|since| book.highest_maximum_since("linux", since));
    assert_eq!((highest, book.highest_maximum_since("arm", 0)), ([30, 30, 2], 0));
}

#[test]
fn revisions_are_never_used_again() {
    let mut book = FleetBook::default();
    book.begin_with(plan("linux", &["self-hosted"]));
    assert_eq!(book.next_revision("linux"), 2);
    book.remove(10, "linux");
    assert_eq!((book.next_revision("linux"), book.next_revision("arm")), (3, 1));
}

#[test]
fn a_job_has_a_fleet_if_one_was_there_all_the_time() {
    let mut book = FleetBook::default();
    book.begin_with(plan("linux", &["self-hosted", "linux"]));
    book.describe(100 * MINUTE, plan("arm", &["self-hosted", "arm64"]));
    assert!(book.has_fleet_for(&job(5, "app", &["SELF-HOSTED"])));
    assert!(!book.has_fleet_for(&job(5, "app", &["self-hosted", "windows"])));
    assert!(!book.has_fleet_for(&job(5, "open", &["self-hosted"])), "nobody admits public repositories");
    assert!(!book.has_fleet_for(&job(101 * MINUTE, "app", &["arm64"])), "some host does not know the fleet yet");
    assert!(book.has_fleet_for(&job(107 * MINUTE, "app", &["arm64"])));
}

#[test]
fn a_job_whose_fleet_was_removed_meanwhile_has_none() {
    let mut book = FleetBook::default();
    book.begin_with(plan("large", &["self-hosted", "linux", "large"]));
    book.begin_with(plan("linux", &["self-hosted", "linux"]));
    assert!(book.has_rule("linux"));
    book.remove(100 * MINUTE, "linux");
    book.remove_rule("linux");
    assert!(book.was_removed("linux") && !book.has_rule("linux"));
    assert!(!book.has_fleet_for(&job(99 * MINUTE, "app", &["linux"])), "it waits where nobody looks any more");
    assert!(book.has_fleet_for(&job(107 * MINUTE, "app", &["linux"])), "the other fleet can do it");
    assert!(book.has_fleet_for(&job(99 * MINUTE, "app", &["large"])), "it was never the removed fleet's");
}
