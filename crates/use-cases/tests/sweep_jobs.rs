//! What the healer does about jobs: it asks GitHub about those of which nothing was heard for long, and has interrupted ones run once more.

mod common;

use common::around::{job_event, runner_name, seen_job, sweep};
use common::{World, fleet};
use fargate_runners_core::events::Event;
use fargate_runners_core::ids::{FleetName, JobId, RepositoryName, RunId};
use fargate_runners_core::job::{JobEvent, JobPhase};
use fargate_runners_core::labels::Labels;
use fargate_runners_core::state::{FleetState, LostJob};
use fargate_runners_use_cases::ports::{Clock, GithubError, PortError, Retry, SeenJob, SeenRun};
use fargate_runners_use_cases::sweep::Healer;
use std::time::Duration;

const MINUTE: u64 = 60;

/// What was published about jobs: fleet, job, phase, whether it is at home there.
fn told(world: &World) -> Vec<(String, u64, JobPhase, bool)> {
    let told = |event: &Event| match event {
        Event::Job(job) => Some((job.fleet.to_string(), job.job_id.0, job.phase, job.home)),
        _ => None,
    };
    world.with(|state| state.published.iter().filter_map(told).collect())
}

fn github_shows(world: &World, job: SeenJob) {
    world.around(|around| around.jobs.insert(JobId(job.run_id.0), job));
}

#[tokio::test]
async fn a_job_whose_end_was_never_delivered_is_over_once_github_says_so() {
    let world = World::default();
    world.knows_job(&job_event("burst", 1, JobPhase::Queued)).await;
    github_shows(&world, seen_job("burst", 1, JobPhase::Completed));
    world.passes(4 * MINUTE);
    assert_eq!(world.sweeps(Healer::QueuedJobs).await.healed, 0);
    world.passes(MINUTE);
    assert_eq!(world.sweeps(Healer::QueuedJobs).await.healed, 1);
    assert_eq!(told(&world), [("burst".to_owned(), 1, JobPhase::Completed, true)]);
}

#[tokio::test]
async fn a_job_that_still_waits_is_asked_about_in_growing_pauses() {
    let world = World::default();
    world.knows_job(&job_event("burst", 1, JobPhase::Queued)).await;
    github_shows(&world, seen_job("burst", 1, JobPhase::Queued));
    for _ in 0..20 {
        world.sweeps(Healer::QueuedJobs).await;
        world.passes(5 * MINUTE);
    }
    assert_eq!((world.calls("job"), told(&world).len()), (5, 0), "after 5, 10, 20, 40 and 80 minutes");
}

#[tokio::test]
async fn a_long_queue_is_asked_about_in_several_sweeps_and_each_job_once() {
    let world = World::default();
    for job in 1..=100 {
        world.knows_job(&job_event("burst", job, JobPhase::Queued)).await;
        github_shows(&world, seen_job("burst", job, JobPhase::Queued));
    }
    world.passes(6 * MINUTE);
    for calls in [40, 80, 100, 100] {
        world.sweeps(Healer::QueuedJobs).await;
        assert_eq!(world.calls("job"), calls);
    }
}

#[tokio::test]
async fn a_job_that_another_fleets_runner_took_is_told_to_both() {
    let world = World::default();
    world.knows_job(&job_event("burst", 1, JobPhase::Queued)).await;
    github_shows(&world, SeenJob { runner_name: Some(runner_name("default", 7, 1)), ..seen_job("burst", 1, JobPhase::InProgress) });
    world.passes(6 * MINUTE);
    world.sweeps(Healer::QueuedJobs).await;
    assert_eq!(told(&world), [("burst".to_owned(), 1, JobPhase::InProgress, true), ("default".to_owned(), 1, JobPhase::InProgress, false)]);
}

#[tokio::test]
async fn a_running_job_without_a_task_of_ours_is_asked_about_after_ten_minutes() {
    let world = World::default();
    world.knows_job(&job_event("burst", 1, JobPhase::InProgress)).await;
    github_shows(&world, seen_job("burst", 1, JobPhase::Completed));
    world.passes(10 * MINUTE);
    assert_eq!(world.sweeps(Healer::RunningJobs).await.healed, 1);
    assert_eq!(told(&world), [("burst".to_owned(), 1, JobPhase::Completed, true)]);
}

#[tokio::test]
async fn a_job_that_github_does_not_know_is_over_only_where_github_would_show_it() {
    let world = World::default();
    world.knows_job(&job_event("burst", 1, JobPhase::Queued)).await;
    world.passes(5 * MINUTE);
    world.sweeps(Healer::QueuedJobs).await;
    assert_eq!(told(&world), [], "the credential may not be allowed to read it");
    world.knows_job(&JobEvent { seen_at: world.now(), ..job_event("burst", 2, JobPhase::Queued) }).await;
    github_shows(&world, seen_job("burst", 2, JobPhase::Queued));
    world.passes(5 * MINUTE);
    world.sweeps(Healer::QueuedJobs).await;
    world.passes(10 * MINUTE);
    world.sweeps(Healer::QueuedJobs).await;
    assert_eq!(told(&world), [("burst".to_owned(), 1, JobPhase::Completed, true)]);
}

#[tokio::test]
async fn a_repository_of_which_github_shows_nothing_any_more_says_nothing_of_its_jobs() {
    let world = World::default();
    for job in 1..=2 {
        world.knows_job(&job_event("burst", job, JobPhase::Queued)).await;
        github_shows(&world, seen_job("burst", job, JobPhase::Queued));
    }
    world.passes(5 * MINUTE);
    world.sweeps(Healer::QueuedJobs).await;
    // The App was suspended, or lost the repository, perhaps for a while.
    world.around(|around| around.jobs.clear());
    world.passes(5 * MINUTE);
    world.sweeps(Healer::QueuedJobs).await;
    assert_eq!(told(&world), []);
    // It is shown again, without one of the jobs.
    github_shows(&world, seen_job("burst", 2, JobPhase::Queued));
    world.passes(10 * MINUTE);
    world.sweeps(Healer::QueuedJobs).await;
    assert_eq!(told(&world), [("burst".to_owned(), 1, JobPhase::Completed, true)]);
}

#[tokio::test]
async fn a_job_is_no_witness_of_its_own_end() {
    let world = World::default();
    world.knows_job(&job_event("burst", 1, JobPhase::Queued)).await;
    github_shows(&world, seen_job("burst", 1, JobPhase::Queued));
    world.passes(5 * MINUTE);
    world.sweeps(Healer::QueuedJobs).await;
    world.around(|around| around.jobs.clear());
    world.passes(5 * MINUTE);
    world.sweeps(Healer::QueuedJobs).await;
    assert_eq!(told(&world), [], "GitHub may show nothing of its repository for a while");
    world.passes(25 * 60 * MINUTE);
    world.sweeps(Healer::QueuedJobs).await;
    assert_eq!(told(&world), [("burst".to_owned(), 1, JobPhase::Completed, true)], "GitHub gives up a job that has waited for a day");
}

#[tokio::test]
async fn a_question_that_failed_is_asked_again_with_the_next_sweep() {
    let world = World::default();
    world.knows_job(&job_event("burst", 1, JobPhase::Queued)).await;
    github_shows(&world, seen_job("burst", 1, JobPhase::Completed));
    world.passes(5 * MINUTE);
    world.around(|around| around.fails.insert("job"));
    assert_eq!(world.sweeps(Healer::QueuedJobs).await.failures.len(), 1);
    world.around(|around| around.fails.clear());
    assert_eq!(world.sweeps(Healer::QueuedJobs).await.healed, 1);
}

#[tokio::test]
async fn a_rate_limit_ends_the_questions_until_the_next_sweep() {
    let world = World::default();
    for job in 1..=5 {
        world.knows_job(&job_event("burst", job, JobPhase::Queued)).await;
        github_shows(&world, seen_job("burst", job, JobPhase::Completed));
    }
    world.passes(5 * MINUTE);
    world.around(|around| around.limited = true);
    world.sweeps(Healer::QueuedJobs).await;
    assert_eq!(world.calls("job"), 1);
    world.around(|around| around.limited = false);
    assert_eq!(world.sweeps(Healer::QueuedJobs).await.healed, 5);
}

#[tokio::test]
async fn a_waiting_job_whose_labels_lead_to_another_fleet_now_gets_there() {
    let world = World::default();
    world.knows_job(&job_event("burst", 1, JobPhase::Queued)).await;
    github_shows(&world, seen_job("burst", 1, JobPhase::Queued));
    let mut heir = fleet("heir", "tasks");
    heir.labels = Labels::parse(["self-hosted", "burst"]).unwrap();
    world.with(|state| {
        state.fleets[1].labels = Labels::parse(["self-hosted", "renamed"]).unwrap();
        state.fleets.push(heir);
    });
    world.passes(5 * MINUTE);
    world.sweeps(Healer::QueuedJobs).await;
    assert_eq!(told(&world), [("heir".to_owned(), 1, JobPhase::Queued, true)]);
}

async fn lost(world: &World) {
    let mut state = FleetState::new(FleetName::parse("burst").unwrap());
    let lost = LostJob { run_id: RunId(9), run_attempt: 1, repository: RepositoryName::parse("octo-org/hello").unwrap(), at: world.now() };
    state.lost_jobs.insert(JobId(1), lost.clone());
    state.lost_jobs.insert(JobId(2), lost);
    world.knows_fleet(state).await;
}

fn run(world: &World, attempt: u32, ended: bool, conclusion: Option<&str>) {
    let run = SeenRun { attempt, ended, conclusion: conclusion.map(str::to_owned) };
    world.around(|around| around.runs.insert(RunId(9), run));
}

fn reruns(world: &World) -> usize {
    world.around(|around| around.reruns.len())
}

#[tokio::test]
async fn an_interrupted_jobs_run_is_run_once_more_when_it_has_ended() {
    let world = World::default();
    lost(&world).await;
    run(&world, 1, false, None);
    world.sweeps(Healer::InterruptedJobs).await;
    assert_eq!(reruns(&world), 0);
    run(&world, 1, true, Some("failure"));
    for _ in 0..3 {
        world.sweeps(Healer::InterruptedJobs).await;
    }
    assert_eq!(reruns(&world), 1);
}

#[tokio::test]
async fn a_run_that_succeeded_or_was_run_again_already_is_left_alone() {
    for (attempt, conclusion) in [(1, "success"), (2, "failure")] {
        let world = World::default();
        lost(&world).await;
        run(&world, attempt, true, Some(conclusion));
        world.sweeps(Healer::InterruptedJobs).await;
        assert_eq!(reruns(&world), 0);
    }
}

#[tokio::test]
async fn a_rerun_is_repeated_only_when_it_surely_did_not_happen() {
    let of = |retry| GithubError::Failed(PortError::bare("a rerun", retry));
    for (answer, times) in [
        (GithubError::NotBefore(common::NOW + Duration::from_secs(60)), 2),
        (of(Retry::Throttled), 2),
        (of(Retry::UnknownEffect), 1),
        (of(Retry::Never), 1),
    ] {
        let world = World::default();
        lost(&world).await;
        run(&world, 1, true, Some("failure"));
        world.around(|around| around.rerun_answers.push_back(answer));
        assert_eq!(world.sweeps(Healer::InterruptedJobs).await.failures.len(), 1);
        world.sweeps(Healer::InterruptedJobs).await;
        assert_eq!(reruns(&world), times);
    }
}

#[tokio::test]
async fn nothing_is_run_again_where_the_operator_has_not_asked_for_it() {
    let world = World::default();
    lost(&world).await;
    run(&world, 1, true, Some("failure"));
    let mut sweep = sweep(&world);
    sweep.retry_interrupted_jobs = false;
    sweep.handle(&[Healer::InterruptedJobs]).await;
    assert_eq!((reruns(&world), world.calls("run")), (0, 0));
}
