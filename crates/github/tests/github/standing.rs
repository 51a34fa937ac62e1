//! What a person may want to know, against answers that are written down: what GitHub leaves out, and what stands only in headers.

use crate::server::{Play, Server, json, refusal};
use crate::world::{START, World, app, client, pat, shown};
use fargate_runners_core::ids::JobId;
use fargate_runners_core::time::Timestamp;
use fargate_runners_github::{GithubError, HookLogOf};
use serde_json::json as j;

const DETAIL: &str = "GET /app/hook/deliveries/7";

#[tokio::test]
async fn scopes_and_the_end_of_a_token_stand_in_headers() {
    let server = Server::start().await;
    let user = || json(200, &j!({"login": "mona", "id": 21}));
    let ends = "2025-09-15 16:06:40 UTC";
    let with_scopes = |scopes: &str| user().with("x-oauth-scopes", scopes).with("github-authentication-token-expiration", ends);
    server.on("GET /user", [with_scopes("admin:org, repo"), with_scopes(""), user()]);
    let (client, access) = (client(&World::default()), pat(&server, "org/octo"));
    let token = client.get_token(&access).await.unwrap();
    assert_eq!((token.scopes, token.expires.as_deref()), (Some(vec!["admin:org".to_owned(), "repo".to_owned()]), Some(ends)));
    assert_eq!(client.get_token(&access).await.unwrap().scopes, Some(Vec::new()), "a classic token without scopes");
    let fine_grained = client.get_token(&access).await.unwrap();
    assert_eq!((fine_grained.scopes, fine_grained.expires), (None, None));
}

#[tokio::test]
async fn a_server_without_rate_limits_says_so_and_an_unbelievable_end_does_no_harm() {
    let server = Server::start().await;
    let core = |reset: u64| json(200, &j!({"resources": {"core": {"limit": 5000, "used": 1, "remaining": 4999, "reset": reset}}}));
    server.on("GET /rate_limit", [refusal(404, "Rate limiting is not enabled."), core(1_750_000_100), core(u64::MAX)]);
    let (client, access) = (client(&World::default()), pat(&server, "org/octo"));
    let error = client.get_rate_limit(&access).await.unwrap_err();
    assert!(matches!(&error, GithubError::NotFound { message, .. } if message == "Rate limiting is not enabled."), "{error}");
    let left = client.get_rate_limit(&access).await.unwrap();
    assert_eq!((left.limit, left.remaining, left.resets_at), (5000, 4999, Timestamp::from_secs(1_750_000_100)));
    assert!(client.get_rate_limit(&access).await.unwrap().resets_at > START);
}

#[tokio::test]
async fn a_delivery_tells_its_job_and_the_start_of_its_answer() {
    let server = Server::start().await;
    let detail = |request: serde_json::Value, response: serde_json::Value| {
        json(
            200,
            &j!({"id": 7, "guid": "g", "request": {"headers": {}, "payload": request}, "response": {"headers": {}, "payload": response}}),
        )
    };
    let job = j!({"action": "queued", "workflow_job": {"id": 9}});
    server.on(
        DETAIL,
        [
            detail(job.clone(), j!("published\nfor default")),
            detail(job, j!("x".repeat(100_000))),
            detail(j!({"zen": "Design for failure."}), j!(null)),
            json(200, &j!({"id": 7})),
            json(200, &j!({"id": 7, "request": {"payload": {"workflow_job": {"id": "sesame"}}}})),
        ],
    );
    let (client, access) = (client(&World::default()), app(&server, "org/octo", Some(42)));
    let read = async || client.get_delivery(&access, HookLogOf::App, 7).await;
    let first = read().await.unwrap();
    assert_eq!((first.job_id, first.answer.as_str()), (Some(JobId(9)), "published for default"));
    assert_eq!(read().await.unwrap().answer.len(), 500, "a flood is cut");
    for _ in ["a ping without an answer", "nothing but the id"] {
        let bare = read().await.unwrap();
        assert_eq!((bare.job_id, bare.answer.as_str()), (None, ""));
    }
    let error = read().await.unwrap_err();
    assert!(matches!(error, GithubError::Unreadable { .. }) && !shown(&error).contains("sesame"), "{error}");
}

#[tokio::test]
async fn an_enterprises_group_admits_organisations_page_by_page() {
    let server = Server::start().await;
    let path = "GET /enterprises/big/actions/runner-groups/3";
    server.on(path, [json(200, &j!({"id": 3, "name": "big ones", "visibility": "selected"}))]);
    let next = "<https://evil.example.com/?page=2>; rel=\"next\"";
    let page = |login: &str| json(200, &j!({"total_count": 2, "organizations": [{"login": login, "id": 1}]}));
    server.on(&format!("{path}/organizations"), [page("octo").with("link", next), page("hooli")]);
    let (client, access) = (client(&World::default()), pat(&server, "enterprise/big"));
    let group = client.get_runner_group(&access, 3).await.unwrap();
    assert!(group.visibility == "selected" && !group.allows_public_repositories && !group.restricted_to_workflows);
    let first = client.list_group_members(&access, 3, 1).await.unwrap();
    assert_eq!((first.names.as_slice(), first.last), (["octo".to_owned()].as_slice(), false));
    assert!(client.list_group_members(&access, 3, 2).await.unwrap().last);
    assert!(server.seen().iter().any(|seen| seen.line.ends_with("/organizations?per_page=100&page=2")));
}

#[tokio::test]
async fn githubs_clock_is_known_from_any_answer_even_a_refusal() {
    let server = Server::start().await;
    let access = app(&server, "org/octo", None);
    let client = client(&World::default());
    assert_eq!(client.clock_ahead(&access.api), None);
    let refused = || refusal(401, "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued");
    server.on("GET /app", [refused().with("date", "Sun, 15 Jun 2025 15:04:40 GMT"), Play::HangUp, Play::HangUp, Play::HangUp]);
    assert!(matches!(client.get_app(&access).await, Err(GithubError::Unauthorized { .. })));
    assert_eq!(client.clock_ahead(&access.api), Some(-120));
    assert!(client.get_app(&access).await.is_err());
    assert_eq!(client.clock_ahead(&access.api), Some(-120), "no answer, no news");
}

#[tokio::test]
async fn an_app_tells_what_it_asks_for_and_an_enterprise_has_no_installation() {
    let server = Server::start().await;
    server.on(
        "GET /app",
        [json(200, &j!({"id": 1, "slug": "a", "name": "A", "owner": {"slug": "big"}, "permissions": {"actions": "read"}}))],
    );
    let client = client(&World::default());
    let found = client.get_app(&app(&server, "org/octo", None)).await.unwrap();
    assert_eq!((found.permissions["actions"].as_str(), found.events.len()), ("read", 0));
    assert_eq!(found.owner.map(|owner| owner.login).as_deref(), Some("big"), "an enterprise's App");
    let error = client.get_installation(&app(&server, "enterprise/big", None)).await.unwrap_err();
    assert!(matches!(error, GithubError::Credential(_)) && server.seen().len() == 1);
}
