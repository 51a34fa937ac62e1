//! What `setup` decides and shows without GitHub and AWS; the demo runs it with both, in a browser.

use super::manifest;
use super::page::Page;
use super::place::Place;
use super::{Done, app_credential, app_json};
use crate::screen::Answer as _;
use fargate_runners_core::fleet::Fleet;
use fargate_runners_core::ids::CredentialName;
use fargate_runners_github::AccountKind;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

const PEM: &str = "-----BEGIN RSA PRIVATE KEY-----\nc2VzYW1l\n-----END RSA PRIVATE KEY-----\n";

fn fleet(name: &str, scope: &str, api_url: &str, credential: &str) -> Fleet {
    let description = json!({
        "fleet": name, "scope": scope, "api_url": api_url, "credential": credential, "labels": ["linux"], "launch_mode": "tasks", "maximum": 10,
        "task_role": "runners-task", "cluster": "arn:aws:ecs:eu-west-1:111122223333:cluster/runners", "subnets": ["subnet-1"],
        "task_definition": format!("arn:aws:ecs:eu-west-1:111122223333:task-definition/runners-{name}:3"),
    });
    Fleet::parse(&description.to_string()).unwrap()
}

fn place(fleets: &[Fleet]) -> Result<Place, String> {
    Place::of(fleets, &CredentialName::parse("default").unwrap()).map_err(|error| error.to_string())
}

#[test]
fn an_app_is_asked_for_with_what_its_scopes_need_and_no_more() {
    let fleets = [
        fleet("a", "org/octo-org", "https://api.github.com", "default"),
        fleet("b", "repo/octo-org/app", "https://api.github.com", "default"),
        fleet("c", "org/other", "https://api.github.com", "other"),
    ];
    let place = place(&fleets).unwrap();
    assert_eq!(place.owner().unwrap(), "octo-org");
    let asked = manifest::manifest(&place, "runners", "https://hook.example/webhook", "http://127.0.0.1:1/x/created", false);
    let needed = json!({"organization_self_hosted_runners": "write", "administration": "write", "actions": "read"});
    assert_eq!(asked["default_permissions"], needed);
    assert_eq!(asked["default_events"], json!(["workflow_job"]));
    assert_eq!(asked["hook_attributes"], json!({"url": "https://hook.example/webhook", "active": true}));
    assert_eq!(asked["public"], false);
    assert!(manifest::name("an-organisation-with-a-long-name", "fargate-runners").len() <= 34);
}

#[test]
fn the_page_is_that_of_the_server_and_the_account() {
    for (api, scope, kind, page) in [
        ("https://api.github.com", "org/octo", AccountKind::Organisation, "https://github.com/organizations/octo/settings/apps"),
        ("https://api.octo.ghe.com", "org/octo", AccountKind::Organisation, "https://octo.ghe.com/organizations/octo/settings/apps"),
        ("https://github.example.com/api/v3", "repo/octo/app", AccountKind::User, "https://github.example.com/settings/apps"),
    ] {
        let place = place(&[fleet("a", scope, api, "default")]).unwrap();
        assert_eq!(place.apps_page(place.owner().unwrap(), kind), page);
    }
}

#[test]
fn fleets_that_one_app_cannot_serve_are_told_of() {
    let github = "https://api.github.com";
    let owners = place(&[fleet("a", "org/octo", github, "default"), fleet("b", "org/other", github, "default")]).unwrap();
    assert!(owners.owner().unwrap_err().to_string().contains("octo and to other"));
    let enterprise = place(&[fleet("a", "enterprise/big", github, "default")]).unwrap();
    assert!(enterprise.owner().unwrap_err().to_string().contains("setup --token"));
    let servers =
        place(&[fleet("a", "org/octo", github, "default"), fleet("b", "org/octo", "https://github.example.com/api/v3", "default")]);
    assert!(servers.unwrap_err().contains("different servers"));
    assert!(place(&[fleet("a", "org/octo", github, "other")]).unwrap_err().contains("there are: other"));
}

#[test]
fn a_stored_app_is_what_the_functions_read_and_nothing_printable_holds_its_key() {
    let app = app_credential("123", &SecretString::from(PEM), Some(7)).unwrap();
    let stored = app_json(&app);
    assert!(stored.expose_secret().contains("\"kind\":\"app\"") && stored.expose_secret().contains("\"installation_id\":7"));
    assert!(!format!("{app:?} {stored:?}").contains("c2VzYW1l"));
    let error = app_credential("123", &SecretString::from("c2VzYW1l"), None).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("c2VzYW1l"));
}

#[test]
fn what_was_done_is_told_before_what_is_left_to_do() {
    let done = Done { done: vec!["it is stored".to_owned()], remarks: vec!["Delete the file.".to_owned()] };
    assert_eq!(done.tell(), "✓ it is stored\n! Delete the file.\n");
}

/// Asks for a path as a browser would, under the host's name that it believes in.
async fn get(address: &str, host: Option<&str>) -> String {
    let (authority, path) = address.trim_start_matches("http://").split_once('/').unwrap();
    let mut stream = TcpStream::connect(authority).await.unwrap();
    let request = format!("GET /{path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", host.unwrap_or(authority));
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn the_page_gives_the_code_of_its_own_state_and_of_no_other() {
    let mut page = Page::open().await.unwrap();
    let redirect = page.redirect_url();
    let address = page.offer("https://github.com/settings/apps", &json!({"name": "<\"quoted\">"}), "mona");
    let form = get(&address, None).await;
    assert!(form.starts_with("HTTP/1.1 200") && form.contains("&lt;\\&quot;quoted\\&quot;&gt;"), "{form}");
    let state = form.split("state=").nth(1).and_then(|rest| rest.split('&').next()).map(|state| state.split('"').next().unwrap()).unwrap();
    for stranger in
        [format!("{redirect}?code=theirs&state=guessed"), format!("{redirect}?code=theirs"), format!("{redirect}?code=&state={state}")]
    {
        assert!(get(&stranger, None).await.starts_with("HTTP/1.1 400"), "{stranger}");
    }
    let accepted = get(&format!("{redirect}?code=sesame&state={state}"), None).await;
    assert!(accepted.starts_with("HTTP/1.1 303") && !accepted.contains("sesame"), "{accepted}");
    assert_eq!(timeout(Duration::from_secs(5), page.code()).await.unwrap().unwrap().expose_secret(), "sesame");
}

#[tokio::test]
async fn the_page_lets_nobody_make_a_second_app() {
    let mut page = Page::open().await.unwrap();
    let redirect = page.redirect_url();
    let address = page.offer("https://github.com/settings/apps", &json!({}), "mona");
    let form = get(&address, None).await;
    let state = form.split("state=").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
    let first = format!("{redirect}?code=sesame&state={state}");
    assert!(get(&first, None).await.starts_with("HTTP/1.1 303"));
    let again = get(&address, None).await;
    assert!(again.contains("already made") && again.contains("Go back to the terminal") && !again.contains("<form"), "{again}");
    // Loaded once more, the way back from GitHub leads on; that of a second App, from another tab's form, does not.
    assert!(get(&first, None).await.starts_with("HTTP/1.1 303"));
    let second = get(&format!("{redirect}?code=other&state={state}"), None).await;
    assert!(second.starts_with("HTTP/1.1 409") && second.contains("delete it") && !second.contains("other&"), "{second}");
    assert_eq!(page.code().await.unwrap().expose_secret(), "sesame");
}

#[tokio::test]
async fn the_page_answers_to_its_own_name_and_path_only() {
    let page = Page::open().await.unwrap();
    let address = page.offer("https://github.com/settings/apps", &json!({}), "mona");
    assert!(get(&address, Some("evil.example")).await.starts_with("HTTP/1.1 404"));
    let (base, _) = address.trim_end_matches('/').rsplit_once('/').unwrap();
    assert!(get(&format!("{base}/"), None).await.starts_with("HTTP/1.1 404"));
}

#[tokio::test]
async fn the_last_page_says_that_it_is_over_and_asks_no_more() {
    let page = Page::open().await.unwrap();
    let address = page.offer("https://github.com/settings/apps", &json!({}), "mona");
    page.next("Install it", "https://github.com/apps/x/installations/new");
    let progress = format!("{address}progress");
    let before = get(&progress, None).await;
    assert!(before.contains("Install it") && before.contains("http-equiv=\"refresh\""), "{before}");
    let looks = tokio::spawn(async move {
        loop {
            let seen = get(&progress, None).await;
            if seen.contains("id=\"over\"") {
                return seen;
            }
            tokio::task::yield_now().await;
        }
    });
    page.over("All is set up.").await;
    let last = timeout(Duration::from_secs(5), looks).await.unwrap().unwrap();
    assert!(last.contains("All is set up.") && !last.contains("refresh"), "{last}");
}
