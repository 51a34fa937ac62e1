//! Who gets which job, and what becomes of runners.

use crate::story::{LABELS, MINUTE, SECOND, Story, job, prompt};
use fargate_runners_model_github::{
    Caller, Conclusion, Config, Fate, Faults, GroupVisibility, JitRequest, NewJob, Presence, RunnerGroup, SessionError, Status,
};

#[test]
fn a_job_goes_to_a_runner_that_holds_all_its_labels_whatever_their_case() {
    let mut story = Story::new();
    let small = story.connect("small", &["self-hosted", "linux"]);
    let fitting = story.connect("fitting", &["Self-Hosted", "LINUX", "x64", "gpu"]);
    let id = story.queue(job());
    story.after(0);
    assert_eq!(story.take(small), None);
    assert_eq!(story.take(fitting), Some(id));
    assert_eq!(story.job(id).status, Status::InProgress);
    assert_eq!(story.job(id).runner.as_ref().expect("taken").name, "fitting");
}

#[test]
fn any_fitting_runner_may_take_any_job() {
    // Two jobs, two runners, many seeds' worth of draws: all pairings happen.
    let mut pairs = std::collections::BTreeSet::new();
    let mut story = Story::with(Config { timing: prompt(), ..Config::default() });
    for round in 0..40 {
        let (one, two) = (story.connect(&format!("one-{round}"), &LABELS), story.connect(&format!("two-{round}"), &LABELS));
        let (first, second) = (story.queue(job()), story.queue(job()));
        story.after(0);
        let taken = story.take(one);
        pairs.insert(taken == Some(first));
        let (first_taker, second_taker) = if taken == Some(first) { (one, two) } else { (two, one) };
        let _ = story.take(two);
        story.finish(first_taker, first);
        story.finish(second_taker, second);
        story.after(MINUTE);
    }
    assert_eq!(pairs.len(), 2);
    assert_eq!(story.github.runners().count(), 0);
}

#[test]
fn public_repositories_and_groups_are_kept_apart() {
    let mut story = Story::new();
    let session = story.connect("runner", &LABELS);
    let open = story.queue(NewJob::new("octo-org", "open", &LABELS));
    let elsewhere = story.queue(NewJob { runner_group: Some("gpu".into()), ..job() });
    story.after(SECOND);
    assert_eq!(story.take(session), None);
    assert!([open, elsewhere].iter().all(|id| story.job(*id).status == Status::Queued));
    story.github.group_mut("octo-org", 1).expect("there").allows_public_repositories = true;
    story.connect("another", &LABELS);
    assert_eq!(story.github.runner_by_name("another").expect("there").job, Some(open));
    let group = story.github.add_runner_group(
        "octo-org",
        RunnerGroup { name: "gpu".into(), visibility: GroupVisibility::Selected(vec!["hello".into()]), allows_public_repositories: false },
    );
    let request =
        JitRequest { name: "in-group".into(), runner_group_id: group, labels: LABELS.map(str::to_owned).to_vec(), work_folder: None };
    let jit = story.github.generate_jit(story.now, &Story::caller(), &Story::organization(), &request).expect("minted");
    let session = story.github.open_session(story.now, &jit.credentials).expect("connected");
    assert_eq!(story.take(session), Some(elsewhere));
}

#[test]
fn an_ephemeral_runner_is_busy_for_a_while_after_its_job_and_then_gone() {
    let mut story = Story::new();
    let session = story.connect("runner", &LABELS);
    let runner = story.runner("runner");
    let id = story.queue(job());
    story.after(0);
    story.take(session).expect("a job");
    story.after(MINUTE);
    story.finish(session, id);
    assert_eq!((story.job(id).conclusion, story.job(id).fate), (Some(Conclusion::Success), Some(Fate::Ran)));
    assert_eq!(story.delete(runner), Some(422));
    story.github.close_session(story.now, session);
    story.after(20 * SECOND);
    assert_eq!(story.delete(runner), Some(404));
}

#[test]
fn busy_lags_and_a_delete_in_that_window_succeeds_while_the_job_goes_on() {
    let mut story = Story::new();
    let session = story.connect("runner", &LABELS);
    let runner = story.runner("runner");
    let id = story.queue(job());
    story.after(0);
    story.take(session).expect("a job");
    story.after(29 * SECOND);
    assert_eq!(story.delete(runner), Some(204));
    assert_eq!(story.delete(runner), Some(404));
    assert_eq!(story.github.runners().count(), 0);
    assert_eq!(story.github.poll(story.now, session), Ok(None), "its listener goes on");
    story.github.finish_job(story.now, session, id, Conclusion::Success).expect("its job ends like any");
    assert_eq!((story.job(id).conclusion, story.job(id).fate), (Some(Conclusion::Success), Some(Fate::Ran)));
}

#[test]
fn whoever_stops_a_runner_because_its_delete_succeeded_kills_its_job() {
    let mut story = Story::new();
    let session = story.connect("runner", &LABELS);
    let runner = story.runner("runner");
    let id = story.queue(job());
    story.after(0);
    story.take(session).expect("a job");
    assert_eq!(story.delete(runner), Some(204));
    story.github.disconnect(story.now, session);
    story.after(11 * MINUTE);
    assert_eq!((story.job(id).conclusion, story.job(id).fate), (Some(Conclusion::Failure), Some(Fate::KilledByDelete)));
}

#[test]
fn in_the_other_reading_a_delete_in_that_window_ends_the_job_at_once() {
    let mut story = Story::new();
    story.github.config_mut().delete_ends_job = true;
    let session = story.connect("runner", &LABELS);
    let runner = story.runner("runner");
    let id = story.queue(job());
    story.after(0);
    story.take(session).expect("a job");
    story.after(29 * SECOND);
    assert!(!story.github.shows_busy(story.github.runner(runner).expect("there")), "GitHub does not know yet");
    assert_eq!(story.delete(runner), Some(204));
    assert_eq!(story.github.poll(story.now, session), Err(SessionError::Gone));
    story.after(10 * MINUTE);
    assert_eq!((story.job(id).conclusion, story.job(id).fate), (Some(Conclusion::Failure), Some(Fate::KilledByDelete)));
}

#[test]
fn a_busy_runner_cannot_be_deleted_once_github_knows() {
    let mut story = Story::new();
    let session = story.connect("runner", &LABELS);
    let runner = story.runner("runner");
    story.queue(job());
    story.after(0);
    story.take(session).expect("a job");
    story.after(30 * SECOND);
    assert_eq!(story.delete(runner), Some(422));
}

#[test]
fn a_crashed_runner_is_busy_for_ten_minutes_and_then_its_job_fails() {
    let mut story = Story::new();
    let session = story.connect("runner", &LABELS);
    let runner = story.runner("runner");
    let id = story.queue(job());
    story.after(0);
    story.take(session).expect("a job");
    story.github.disconnect(story.now, session);
    story.after(9 * MINUTE);
    assert_eq!(story.github.runner(runner).expect("there").presence, Presence::Offline);
    assert_eq!((story.delete(runner), story.job(id).status), (Some(422), Status::InProgress));
    story.after(MINUTE);
    assert_eq!((story.job(id).conclusion, story.job(id).fate), (Some(Conclusion::Failure), Some(Fate::LostCommunication)));
    assert_eq!(story.delete(runner), Some(204));
}

#[test]
fn a_job_meant_for_a_dead_or_deleted_runner_goes_to_another() {
    let mut story = Story::new();
    let dead = story.connect("dead", &LABELS);
    story.github.disconnect(story.now, dead);
    let id = story.queue(job());
    story.after(SECOND);
    let alive = story.connect("alive", &LABELS);
    assert_eq!(story.take(alive), None, "it still waits for the dead one, which GitHub takes for alive");
    story.after(2 * MINUTE);
    assert_eq!(story.github.runner_by_name("alive").expect("there").job, Some(id));
    assert_eq!(story.delete(story.runner("alive")), Some(204), "assigned is not begun");
    let last = story.connect("last", &LABELS);
    assert_eq!(story.take(last), Some(id));
}

#[test]
fn a_hung_listener_looks_healthy_and_takes_nothing() {
    let mut story = Story::new();
    story.github.hang_next(1);
    let hung = story.connect("hung", &LABELS);
    let id = story.queue(job());
    story.after(MINUTE);
    let runner = story.github.runner_by_name("hung").expect("there");
    assert!(runner.presence == Presence::Online && runner.job.is_none());
    assert_eq!(story.take(hung), None);
    let good = story.connect("good", &LABELS);
    assert_eq!(story.take(good), Some(id));
}

#[test]
fn a_queued_job_that_is_cancelled_is_never_in_progress() {
    let mut story = Story::new();
    let id = story.queue(job());
    story.github.cancel_job(story.now, id);
    story.after(SECOND);
    assert_eq!(story.receive(), ["queued", "completed"]);
    assert_eq!(story.job(id).fate, Some(Fate::CancelledInQueue));
    let session = story.connect("runner", &LABELS);
    assert_eq!(story.take(session), None);
}

#[test]
fn a_running_job_that_ignores_its_cancellation_is_ended_by_github() {
    let mut story = Story::new();
    let session = story.connect("runner", &LABELS);
    let id = story.queue(job());
    story.after(0);
    story.take(session).expect("a job");
    story.github.cancel_job(story.now, id);
    assert_eq!(story.github.take_woken(), [session]);
    story.after(5 * MINUTE);
    assert_eq!((story.job(id).conclusion, story.job(id).fate), (Some(Conclusion::Cancelled), Some(Fate::CancelledRunning)));
    assert_eq!(story.github.finish_job(story.now, session, id, Conclusion::Success), Err(SessionError::Gone));
}

#[test]
fn a_job_waits_a_day_at_most() {
    let mut story = Story::new();
    let id = story.queue(job());
    story.after(24 * 60 * MINUTE - 1);
    assert_eq!(story.job(id).status, Status::Queued);
    story.after(1);
    assert_eq!(story.job(id).fate, Some(Fate::Expired));
}

#[test]
fn githubs_own_runners_need_nobody() {
    let mut story = Story::new();
    let id = story.queue(NewJob::new("octo-org", "hello", &["ubuntu-latest"]).lasting(SECOND));
    story.after(2 * SECOND);
    assert!(story.job(id).hosted && story.job(id).conclusion == Some(Conclusion::Success));
}

#[test]
fn a_runner_that_nobody_starts_and_one_that_is_left_idle_lose_their_registration() {
    let mut story =
        Story::with(Config { timing: prompt(), faults: Faults { idle_removal: 1.0, ..Faults::default() }, ..Config::default() });
    story.mint("never-started", &LABELS);
    let idle = story.connect("idle", &LABELS);
    story.after(15 * MINUTE);
    assert_eq!(story.github.poll(story.now, idle), Err(SessionError::Gone));
    assert_eq!(story.github.runners().count(), 1);
    story.after(24 * 60 * MINUTE);
    assert_eq!(story.github.runners().count(), 0);
}

#[test]
fn a_second_listener_is_sent_away_while_the_first_is_believed_to_live() {
    let mut story = Story::new();
    let shown = story.mint("runner", &LABELS);
    let first = story.github.open_session(story.now, &shown).expect("connected");
    assert_eq!(story.github.open_session(story.now, &shown), Err(SessionError::Conflict));
    story.github.disconnect(story.now, first);
    assert_eq!(story.github.open_session(story.now, &shown), Err(SessionError::Conflict));
    story.after(40 * SECOND);
    assert!(story.github.open_session(story.now, &shown).is_ok());
}

#[test]
fn the_same_seed_tells_the_same_story() {
    let tell = || {
        let mut story =
            Story::with(Config { faults: Faults { repeat: 0.3, lose: 0.2, reorder: 0.2, ..Faults::default() }, ..Config::default() });
        for round in 0..20 {
            story.queue(job());
            let session = story.connect(&format!("runner-{round}"), &LABELS);
            story.after(7 * SECOND);
            if let Some(id) = story.take(session) {
                story.finish(session, id);
            }
        }
        story.after(MINUTE);
        let jobs: Vec<_> = story.github.jobs().map(|job| (job.id, job.runner.clone(), job.completed_at)).collect();
        (jobs, story.receive())
    };
    assert_eq!(tell().0, tell().0);
    assert_eq!(tell().1, tell().1);
}

#[test]
fn nobody_is_nobody() {
    let mut story = Story::new();
    let refused = story.github.registration_token(story.now, &Caller::Nobody, &Story::organization());
    assert_eq!(refused.err().and_then(|error| error.status()), Some(401));
}
