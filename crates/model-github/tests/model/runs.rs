//! Runs: jobs that belong together, and the failed ones of them once more.

use crate::story::{APP, LABELS, MINUTE, SECOND, Story, job, json};
use fargate_runners_model_github::{Access, ApiError, Caller, Conclusion, Fate, JobId, Permissions, Status};
use serde_json::Value;

fn run_of(story: &Story, job: JobId) -> u64 {
    story.job(job).run_id
}

fn rerun(story: &mut Story, run: u64) -> Option<u16> {
    let asked = story.github.rerun_failed_jobs(story.now, &Story::caller(), "octo-org", "hello", run);
    asked.map_or_else(|error| error.status(), |()| Some(201))
}

/// Runs what a listener is offered to this end.
fn run_one(story: &mut Story, name: &str, conclusion: Conclusion) -> JobId {
    let session = story.connect(name, &LABELS);
    story.after(0);
    let taken = story.take(session).expect("a job");
    story.github.finish_job(story.now, session, taken, conclusion).expect("reported");
    taken
}

#[test]
fn a_run_stands_where_its_jobs_stand_together() {
    let mut story = Story::new();
    let first = story.queue(job().titled("first"));
    let run = run_of(&story, first);
    story.queue(job().titled("second").in_run(run));
    let seen = |story: &Story| story.github.run(run).map(|run| (run.attempt, run.status, run.conclusion)).expect("there");
    assert_eq!(seen(&story), (1, Status::Queued, None));
    run_one(&mut story, "one", Conclusion::Success);
    assert_eq!(seen(&story), (1, Status::InProgress, None));
    run_one(&mut story, "two", Conclusion::Failure);
    assert_eq!(seen(&story), (1, Status::Completed, Some(Conclusion::Failure)));
}

#[test]
fn the_failed_jobs_of_an_ended_run_are_run_again_as_new_jobs() {
    let mut story = Story::new();
    let good = story.queue(job().titled("good"));
    let run = run_of(&story, good);
    let bad = story.queue(job().titled("bad").in_run(run));
    let cancelled = story.queue(job().titled("cancelled").in_run(run));
    assert_eq!(run_one(&mut story, "one", Conclusion::Success), good);
    assert_eq!(run_one(&mut story, "two", Conclusion::Failure), bad);
    assert_eq!(rerun(&mut story, run), Some(403), "one of its jobs still waits");
    story.github.cancel_job(story.now, cancelled);
    story.after(SECOND);
    story.receive();
    assert_eq!(rerun(&mut story, run), Some(201));
    story.after(SECOND);
    assert_eq!(story.receive(), ["queued", "queued"]);
    let again: Vec<JobId> = story.github.jobs_of(run).iter().copied().filter(|job| *job != good).collect();
    assert!(again.len() == 2 && !again.contains(&bad) && !again.contains(&cancelled), "new jobs: {again:?}");
    let titles: Vec<&str> = again.iter().map(|id| story.job(*id).title.as_str()).collect();
    assert_eq!(titles, ["bad", "cancelled"]);
    assert!(again.iter().all(|id| (story.job(*id).run_id, story.job(*id).run_attempt) == (run, 2)));
    assert_eq!((story.job(bad).run_attempt, story.job(bad).conclusion), (1, Some(Conclusion::Failure)), "the old one stays as it was");
    assert_eq!(rerun(&mut story, run), Some(403), "it runs already");
    run_one(&mut story, "three", Conclusion::Success);
    run_one(&mut story, "four", Conclusion::Success);
    assert_eq!(story.github.run(run).expect("there").conclusion, Some(Conclusion::Success));
    assert_eq!(rerun(&mut story, run), Some(403), "nothing in it has failed");
}

#[test]
fn a_job_whose_runner_died_can_be_run_again() {
    let mut story = Story::new();
    let session = story.connect("runner", &LABELS);
    let lost = story.queue(job());
    let run = run_of(&story, lost);
    story.after(0);
    story.take(session).expect("a job");
    story.github.disconnect(story.now, session);
    story.after(9 * MINUTE);
    assert_eq!(rerun(&mut story, run), Some(403), "GitHub has not given it up yet");
    story.after(MINUTE);
    assert_eq!(story.job(lost).fate, Some(Fate::LostCommunication));
    assert_eq!(rerun(&mut story, run), Some(201));
    let next = story.connect("next", &LABELS);
    story.after(0);
    let again = story.take(next).expect("the job, once more");
    assert_eq!((story.job(again).run_id, story.job(again).run_attempt), (run, 2));
}

#[test]
fn a_run_is_run_again_by_those_who_may_and_not_after_a_month() {
    let mut story = Story::new();
    let failed = story.queue(job());
    let run = run_of(&story, failed);
    run_one(&mut story, "one", Conclusion::Failure);
    let app = Caller::App(APP.to_string());
    let reads = story.github.exchange_token(story.now, &app, story.installation, None).expect("granted");
    let reads = Caller::Token(reads.token);
    assert_eq!(story.github.get_run(story.now, &reads, "octo-org", "hello", run).expect("visible").attempt, 1);
    let status = |result: Result<(), ApiError>| result.err().and_then(|error| error.status());
    assert_eq!(status(story.github.rerun_failed_jobs(story.now, &reads, "octo-org", "hello", run)), Some(403));
    let writes = Permissions([("actions".to_owned(), Access::Write)].into());
    let installation = story.github.install_app(APP, "octo-org", writes);
    let writes = story.github.exchange_token(story.now, &app, installation, None).expect("granted");
    let writes = Caller::Token(writes.token);
    assert_eq!(status(story.github.rerun_failed_jobs(story.now, &writes, "octo-org", "open", run)), Some(404), "another repository's");
    assert_eq!(status(story.github.rerun_failed_jobs(story.now, &writes, "octo-org", "hello", run)), None);
    run_one(&mut story, "two", Conclusion::Failure);
    story.after(31 * 24 * 60 * MINUTE);
    assert_eq!(rerun(&mut story, run), Some(403));
    story.github.forget_jobs(story.now);
    assert_eq!(rerun(&mut story, run), Some(404), "forgotten with its jobs");
}

#[test]
fn runs_are_read_and_run_again_over_http() {
    let mut story = Story::new();
    let id = story.queue(job());
    let path = format!("/repos/octo-org/hello/actions/runs/{}", run_of(&story, id));
    let seen = json(&story.get(&path));
    assert_eq!((&seen["status"], &seen["conclusion"], &seen["run_attempt"]), (&"queued".into(), &Value::Null, &1.into()));
    assert_eq!(json(&story.send("POST", &format!("{path}/rerun-failed-jobs"), None))["message"], "This workflow is already running");
    run_one(&mut story, "one", Conclusion::Failure);
    assert_eq!(json(&story.get(&path))["conclusion"], "failure");
    assert_eq!(story.send("POST", &format!("{path}/rerun-failed-jobs"), None).status, 201);
    let seen = json(&story.get(&path));
    assert_eq!((&seen["status"], &seen["run_attempt"]), (&"queued".into(), &2.into()));
    assert_eq!(story.get("/repos/octo-org/hello/actions/runs/1").status, 404);
}
