//! What `sweep` looks at: lists of runners, versions, jobs, runs, and the one thing that it may ask for.

use crate::port::{Replaced, fleet, github};
use crate::server::{Play, Server, empty, json, refusal};
use crate::world::START;
use fargate_runners_core::ids::{JobId, RepositoryName, RunId, RunnerId};
use fargate_runners_core::job::JobPhase;
use fargate_runners_core::time::Timestamp;
use fargate_runners_use_cases::ports::{GithubError, Jobs, PortError, Retry, Runners, chain};
use serde_json::{Value, json as j};
use std::time::Duration;

const LIST: &str = "GET /orgs/octo/actions/runners";
const JOB: &str = "GET /repos/octo/hello/actions/jobs/9";
const RUN: &str = "GET /repos/octo/hello/actions/runs/8";
const RERUN: &str = "POST /repos/octo/hello/actions/runs/8/rerun-failed-jobs";

fn repository() -> RepositoryName {
    RepositoryName::parse("octo/hello").unwrap()
}

fn runner(id: u64) -> Value {
    j!({"id": id, "name": format!("r-{id}"), "status": "online", "busy": id == 1, "version": "2.338.0"})
}

fn retry<T: std::fmt::Debug>(result: Result<T, GithubError>) -> Retry {
    match result.unwrap_err() {
        GithubError::Failed(PortError { retry, .. }) => retry,
        GithubError::NotBefore(until) => panic!("not before {until}"),
    }
}

#[tokio::test]
async fn runners_are_looked_at_a_page_at_a_time() {
    let server = Server::start().await;
    let link = "<https://api.github.com/?page=2>; rel=\"next\"";
    let with_link = json(200, &j!({"total_count": 3, "runners": [runner(1), runner(2)]})).with("link", link);
    let last = json(200, &j!({"total_count": 3, "runners": [runner(3)]}));
    server.on(LIST, [with_link, last]);
    let (github, fleet) = (github(Replaced), fleet(&server));
    let page = github.runners(&fleet, 1).await.unwrap();
    assert!(!page.last);
    let seen = &page.runners[0];
    assert_eq!((seen.id, seen.name.as_str(), seen.online, seen.busy), (RunnerId(1), "r-1", true, true));
    assert_eq!(seen.version.as_deref(), Some("2.338.0"));
    assert!(github.runners(&fleet, 2).await.unwrap().last);
    assert_eq!(server.seen()[1].line, format!("{LIST}?per_page=100&page=2"));
}

#[tokio::test]
async fn a_list_whose_pages_are_not_linked_goes_on_by_its_count_but_not_for_ever() {
    let server = Server::start().await;
    let pages = [vec![runner(1)], vec![]].map(|runners| json(200, &j!({"total_count": 250, "runners": runners})));
    server.on(LIST, pages);
    let (github, fleet) = (github(Replaced), fleet(&server));
    assert!(!github.runners(&fleet, 1).await.unwrap().last);
    assert!(github.runners(&fleet, 2).await.unwrap().last, "nobody is left to be listed");
}

#[tokio::test]
async fn one_runner_is_looked_at_or_known_to_be_gone() {
    let server = Server::start().await;
    server.on(&format!("{LIST}/5"), [json(200, &runner(5)), refusal(404, "Not Found"), refusal(429, "slow down")]);
    let (github, fleet) = (github(Replaced), fleet(&server));
    assert!(github.runner(&fleet, RunnerId(5)).await.unwrap().is_some_and(|seen| seen.online && !seen.busy));
    assert_eq!(github.runner(&fleet, RunnerId(5)).await.unwrap(), None);
    let until = START + Duration::from_secs(60);
    assert!(matches!(github.runner(&fleet, RunnerId(5)).await, Err(GithubError::NotBefore(time)) if time == until));
}

#[tokio::test]
async fn a_version_is_refused_from_the_earlier_of_two_times_if_any() {
    let server = Server::start().await;
    let answers = [
        j!({"runner_version": "2.300.0"}),
        j!({"runner_version": "2.300.0", "registration_deprecates_at": null, "runtime_deprecates_at": "2026-03-01T00:00:00Z"}),
        j!({"registration_deprecates_at": "2026-02-01T00:00:00Z", "runtime_deprecates_at": "2026-03-01T00:00:00Z"}),
        j!({"registration_deprecates_at": "soon"}),
    ];
    let call = format!("{LIST}/deprecations/2.300.0");
    server.on(&call, answers.map(|answer| json(200, &answer)));
    server.on(&call, [refusal(404, "Not Found")]);
    let (github, fleet) = (github(Replaced), fleet(&server));
    for expected in [None, Timestamp::parse_rfc3339("2026-03-01T00:00:00Z"), Timestamp::parse_rfc3339("2026-02-01T00:00:00Z")] {
        assert_eq!(github.refused_from(&fleet, "2.300.0").await.unwrap(), expected);
    }
    assert_eq!(retry(github.refused_from(&fleet, "2.300.0").await), Retry::Never);
    assert_eq!(github.refused_from(&fleet, "2.300.0").await.unwrap(), None, "a server of one's own tells no such thing");
}

#[tokio::test]
async fn a_job_is_shown_as_far_as_it_has_come() {
    let server = Server::start().await;
    let job = |status: &str| {
        j!({"id": 9, "run_id": 8, "run_attempt": 2, "status": status, "conclusion": null, "name": "build", "workflow_name": "CI",
            "labels": ["Linux", "self-hosted"], "runner_name": "", "created_at": "2026-01-01T00:00:01Z",
            "started_at": "2026-01-01T00:00:02Z", "completed_at": "2026-01-01T00:00:03Z"})
    };
    let statuses = ["waiting", "pending", "queued", "in_progress", "completed", "invented"];
    server.on(JOB, statuses.map(|status| json(200, &job(status)))).on(JOB, [refusal(404, "Not Found")]);
    let (github, fleet) = (github(Replaced), fleet(&server));
    let start = Timestamp::parse_rfc3339("2026-01-01T00:00:00Z").unwrap();
    for (phase, second) in
        [(JobPhase::Waiting, 1), (JobPhase::Waiting, 1), (JobPhase::Queued, 1), (JobPhase::InProgress, 2), (JobPhase::Completed, 3)]
    {
        let seen = github.job(&fleet, &repository(), JobId(9)).await.unwrap().unwrap();
        assert_eq!((seen.phase, seen.at), (phase, Some(start + Duration::from_secs(second))));
        assert_eq!((seen.run_id, seen.run_attempt, seen.labels.to_string().as_str()), (RunId(8), 2, "linux,self-hosted"));
        assert_eq!((seen.name.as_str(), seen.workflow_name.as_deref(), seen.runner_name), ("build", Some("CI"), None));
    }
    let error = github.job(&fleet, &repository(), JobId(9)).await.unwrap_err();
    assert!(chain(&error).contains("invented"), "{}", chain(&error));
    assert_eq!(github.job(&fleet, &repository(), JobId(9)).await.unwrap(), None);
}

#[tokio::test]
async fn a_run_is_shown_with_its_newest_attempt() {
    let server = Server::start().await;
    let under_way = j!({"id": 8, "run_attempt": 3, "status": "in_progress", "conclusion": null});
    let ended = j!({"id": 8, "status": "completed", "conclusion": "failure"});
    server.on(RUN, [json(200, &under_way), json(200, &ended), refusal(404, "Not Found")]);
    let (github, fleet) = (github(Replaced), fleet(&server));
    let seen = github.run(&fleet, &repository(), RunId(8)).await.unwrap().unwrap();
    assert_eq!((seen.attempt, seen.ended, seen.conclusion), (3, false, None));
    let seen = github.run(&fleet, &repository(), RunId(8)).await.unwrap().unwrap();
    assert_eq!((seen.attempt, seen.ended, seen.conclusion.as_deref()), (1, true, Some("failure")));
    assert_eq!(github.run(&fleet, &repository(), RunId(8)).await.unwrap(), None);
}

#[tokio::test]
async fn failed_jobs_are_run_again_once_and_a_refusal_is_in_githubs_words() {
    let server = Server::start().await;
    let words = "This workflow is already running";
    server.on(RERUN, [empty(201), refusal(403, words), refusal(404, "Not Found"), refusal(422, words)]);
    server.on(RERUN, [refusal(403, "secondary rate limit").with("retry-after", 9)]);
    let (github, fleet) = (github(Replaced), fleet(&server));
    github.rerun_failed(&fleet, &repository(), RunId(8)).await.unwrap();
    for expected in [words, "Not Found", words] {
        let error = github.rerun_failed(&fleet, &repository(), RunId(8)).await.unwrap_err();
        assert!(chain(&error).contains(expected), "{}", chain(&error));
        assert_eq!(retry(Err::<(), _>(error)), Retry::Never);
    }
    let until = START + Duration::from_secs(9);
    let limited = github.rerun_failed(&fleet, &repository(), RunId(8)).await;
    assert!(matches!(limited, Err(GithubError::NotBefore(time)) if time == until));
}

#[tokio::test]
async fn a_rerun_whose_answer_is_lost_is_not_asked_for_again() {
    for lost in [Play::HangUp, refusal(502, "Server Error"), refusal(503, "busy").with("retry-after", 5)] {
        let server = Server::start().await;
        server.on(RERUN, [lost]);
        let error = github(Replaced).rerun_failed(&fleet(&server), &repository(), RunId(8)).await.unwrap_err();
        assert!(chain(&error).contains("look before asking again"), "{}", chain(&error));
        assert_eq!((retry(Err::<(), _>(error)), server.count(RERUN)), (Retry::UnknownEffect, 1));
    }
}

#[tokio::test]
async fn a_rerun_that_was_never_sent_has_had_no_effect() {
    let server = Server::start().await;
    let mut fleet = fleet(&server);
    // Nobody listens there any more.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    fleet.api_url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    assert_eq!(retry(github(Replaced).rerun_failed(&fleet, &repository(), RunId(8)).await), Retry::Throttled);
}
