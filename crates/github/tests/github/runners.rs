//! Lists, look-ups and deletions.

use crate::server::{Server, empty, json, refusal};
use crate::world::{World, client, pat, shown};
use fargate_runners_core::ids::{JobId, RepositoryName, RunnerId};
use fargate_runners_github::{Deletion, GithubError};
use serde_json::{Value, json as j};

const LIST: &str = "GET /orgs/octo/actions/runners";

fn runner(id: u64, name: &str) -> Value {
    j!({"id": id, "name": name, "os": "linux", "status": "online", "busy": true, "labels": [{"name": "linux", "type": "custom"}], "version": "2.338.0"})
}

fn page(runners: &[Value]) -> Value {
    j!({"total_count": 3, "runners": runners})
}

#[tokio::test]
async fn a_list_is_read_page_by_page_to_its_end() {
    let server = Server::start().await;
    // The address in the header leads elsewhere: only its page number may be used.
    let link = "<https://evil.example.com/runners?per_page=100&page=2>; rel=\"next\", <https://evil.example.com/?page=2>; rel=\"last\"";
    server.on(LIST, [json(200, &page(&[runner(1, "a"), runner(2, "b")])).with("link", link), json(200, &page(&[runner(3, "c")]))]);
    let list = client(&World::default()).list_runners(&pat(&server, "org/octo"), Some("a&b")).await.unwrap();
    assert!(list.complete);
    assert_eq!(list.runners.iter().map(|runner| runner.id.0).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(list.runners[0].version.as_deref(), Some("2.338.0"));
    let lines: Vec<_> = server.seen().into_iter().map(|seen| seen.line).collect();
    assert_eq!(lines, [format!("{LIST}?name=a%26b&per_page=100&page=1"), format!("{LIST}?name=a%26b&per_page=100&page=2")]);
}

#[tokio::test]
async fn a_list_that_leads_in_a_circle_ends_and_says_that_it_is_incomplete() {
    let server = Server::start().await;
    let back = "<https://api.github.com/?page=1>; rel=\"next\"";
    server.on(LIST, [json(200, &page(&[runner(1, "a")])).with("link", back)]);
    let list = client(&World::default()).list_runners(&pat(&server, "org/octo"), None).await.unwrap();
    assert_eq!((list.complete, list.runners.len()), (false, 1));
}

#[tokio::test]
async fn a_runner_is_found_by_its_whole_name_only() {
    let server = Server::start().await;
    let both = json(200, &page(&[runner(1, "r-11"), runner(2, "r-1")]));
    server.on(LIST, [both.clone(), both]);
    let (client, access) = (client(&World::default()), pat(&server, "org/octo"));
    assert_eq!(client.find_runner(&access, "r-1").await.unwrap().map(|runner| runner.id), Some(RunnerId(2)));
    assert_eq!(client.find_runner(&access, "r").await.unwrap(), None);
}

#[tokio::test]
async fn a_runner_is_read_or_known_to_be_gone() {
    let server = Server::start().await;
    server.on(&format!("{LIST}/5"), [json(200, &runner(5, "e")), refusal(404, "Not Found")]);
    let (client, access) = (client(&World::default()), pat(&server, "org/octo"));
    assert!(client.get_runner(&access, RunnerId(5)).await.unwrap().is_some_and(|runner| runner.busy && runner.status == "online"));
    assert_eq!(client.get_runner(&access, RunnerId(5)).await.unwrap(), None);
}

#[tokio::test]
async fn a_deletion_has_three_outcomes() {
    let server = Server::start().await;
    let busy = refusal(422, "Runner \"e\" is still running a job");
    server.on("DELETE /enterprises/big/actions/runners/5", [empty(204), refusal(404, "Not Found"), busy]);
    let (client, access) = (client(&World::default()), pat(&server, "enterprise/big"));
    for expected in [Deletion::Deleted, Deletion::AlreadyGone, Deletion::StillRunning] {
        assert_eq!(client.delete_runner(&access, RunnerId(5)).await.unwrap(), expected);
    }
}

#[tokio::test]
async fn a_job_is_read_or_unknown() {
    let server = Server::start().await;
    let job = j!({"id": 9, "run_id": 8, "status": "completed", "conclusion": "success", "labels": ["linux"], "runner_id": 7, "runner_name": "r-1"});
    let queued = j!({"id": 9, "run_id": 8, "status": "queued", "conclusion": null, "labels": [], "runner_id": null, "runner_name": null});
    server.on("GET /repos/octo/hello/actions/jobs/9", [json(200, &job), json(200, &queued), refusal(404, "Not Found")]);
    let (client, access) = (client(&World::default()), pat(&server, "org/octo"));
    let repository = RepositoryName::parse("octo/hello").unwrap();
    let job = client.get_job(&access, &repository, JobId(9)).await.unwrap().unwrap();
    assert_eq!((job.status.as_str(), job.conclusion.as_deref(), job.runner_id), ("completed", Some("success"), Some(RunnerId(7))));
    assert_eq!(client.get_job(&access, &repository, JobId(9)).await.unwrap().unwrap().runner_id, None);
    assert_eq!(client.get_job(&access, &repository, JobId(9)).await.unwrap(), None);
}

#[tokio::test]
async fn an_answer_of_another_form_is_an_error_without_its_content() {
    let server = Server::start().await;
    server.on(LIST, [json(200, &j!({"runners": "sesame"}))]);
    let error = client(&World::default()).list_runners(&pat(&server, "org/octo"), None).await.unwrap_err();
    assert!(matches!(error, GithubError::Unreadable { .. }) && !shown(&error).contains("sesame"), "{}", shown(&error));
}
