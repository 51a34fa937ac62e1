//! `fargate-runners setup` as a process, between a stand-in for AWS and the model of GitHub: what it may store when, what a run that was broken off leaves to
//! the next one, and how it ends.

mod account;
mod person;

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::process::Stdio;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use account::Account;
use fargate_runners_local_stack::github::{self, AppKey, GithubConfig, GithubHandle};
use fargate_runners_model_github::{Config, GithubModel, HookOwner, KeyPair, NewHook, Permissions, Timing, Visibility};
use person::{Running, browse, environment, makes_the_app};
use rustix::pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt};
use rustix::termios::{LocalModes, tcgetattr};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::process::Command;
use tokio::time::timeout;

const STORED: &str = "credentials/default";
const NEXT: &str = "credentials/default/next";

/// Where it is there already, nobody has to wait until `webhook` knows it.
const WEBHOOK_SECRET: &str = "webhook-secrets/default";

/// In two parts, so that no search for secrets takes it for a real one.
const TOKEN: &str = concat!("ghp", "_0123456789abcdefghijABCDEFGHIJ012345");

/// One for all Apps of all tests: it takes a second to make.
static KEY: LazyLock<AppKey> = LazyLock::new(|| AppKey::generate().unwrap());

async fn github() -> GithubHandle {
    let mut model = GithubModel::new(Config { timing: Timing::fast(), ..Config::default() }, 1);
    model.add_repository("mona", "app", Visibility::Private);
    model.add_pat(TOKEN);
    // One: a second App cannot be made.
    model.add_key_pair(KeyPair { private_pem: KEY.private_pem().expose_secret().to_owned(), public_pem: KEY.public_pem().to_owned() });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    github::serve(listener, Arc::new(Mutex::new(model)), GithubConfig::default()).await.unwrap()
}

async fn world() -> (GithubHandle, Account) {
    let github = github().await;
    let account = Account::with_fleet("repo/mona/app", &github.endpoint()).await;
    (github, account)
}

fn token() -> Value {
    json!({"kind": "pat", "token": TOKEN})
}

fn app(id: u64) -> Value {
    json!({"kind": "app", "app_id": id.to_string(), "private_key": KEY.private_pem().expose_secret()})
}

fn kind_of(credential: Option<&String>) -> Option<String> {
    credential.map(|json| serde_json::from_str::<Value>(json).unwrap()["kind"].as_str().unwrap().to_owned())
}

/// An App of mona's that GitHub knows by the key, with a webhook that leads nowhere yet.
fn add_app(github: &GithubHandle, id: u64) {
    github.with(|model, now| {
        model.add_app(id, &format!("Iv23li{id}"));
        model.add_app_key(id, KEY.public_pem());
        let hook = model.add_hook(NewHook { owner: HookOwner::App(id), url: "http://127.0.0.1:1/".into(), secret: "GitHub's own".into() });
        model.ping(now, hook);
    });
}

#[tokio::test]
async fn a_new_app_takes_a_tokens_place_only_when_it_is_installed_and_a_broken_off_run_is_gone_on_with() {
    let (github, account) = world().await;
    account.store(STORED, &token());
    let mut first = Running::start(&account, &["setup", "--no-browser"]);
    let page = first.says("http://127.0.0.1").await.trim().to_owned();
    makes_the_app(&page).await;
    first.says("Install it on mona").await;
    assert_eq!(kind_of(account.parameter(NEXT).as_ref()).as_deref(), Some("app"));
    assert_eq!(kind_of(account.parameter(STORED).as_ref()).as_deref(), Some("pat"), "jobs would find no credential that can mint");
    let again = browse(&page, None).await;
    assert!(again.contains("already made") && !again.contains("<form"), "{again}");
    let broken_off = first.press_ctrl_c().await;
    assert_eq!(broken_off.code, Some(130), "{}", broken_off.err);
    assert_eq!(kind_of(account.parameter(STORED).as_ref()).as_deref(), Some("pat"));

    let mut second = Running::start(&account, &["setup", "--no-browser"]);
    second.says("was made before").await;
    second.says("Install it on mona").await;
    let id = github.with(|model, _| {
        let id = model.app_ids().last().unwrap();
        model.install_app(id, "mona", Permissions::runners());
        id
    });
    let ended = second.ends().await;
    assert!(ended.code == Some(0) && ended.out.contains("a ping arrived"), "{}{}", ended.out, ended.err);
    assert_eq!(github.with(|model, _| model.app_ids().count()), 1);
    let stored: Value = serde_json::from_str(&account.parameter(STORED).unwrap()).unwrap();
    assert_eq!(stored["app_id"], id.to_string());
    assert_eq!(account.parameter(NEXT), None);
    // GitHub's own first ping, which the secret of its own making has signed.
    assert!(account.refused() <= 1, "{} deliveries were refused", account.refused());
}

#[tokio::test]
async fn an_app_that_may_not_make_runners_is_not_taken_into_use() {
    let (github, account) = world().await;
    add_app(&github, 7);
    account.store(STORED, &token());
    account.store(NEXT, &app(7));
    account.store(WEBHOOK_SECRET, &json!("sesame"));
    let installation = github.with(|model, _| model.install_app(7, "mona", Permissions::default()));
    let ended = Running::start(&account, &["setup", "--no-browser"]).ends().await;
    assert_eq!(ended.code, Some(3), "{}{}", ended.out, ended.err);
    assert!(ended.err.contains("before it is taken into use"), "{}", ended.err);
    assert_eq!(kind_of(account.parameter(STORED).as_ref()).as_deref(), Some("pat"));
    assert!(account.parameter(NEXT).is_some(), "its key would be lost");

    github.with(|model, _| model.set_installation_permissions(installation, Permissions::runners()));
    let ended = Running::start(&account, &["setup", "--no-browser"]).ends().await;
    assert_eq!(ended.code, Some(0), "{}{}", ended.out, ended.err);
    assert_eq!(kind_of(account.parameter(STORED).as_ref()).as_deref(), Some("app"));
    assert_eq!(account.parameter(NEXT), None);
}

#[tokio::test]
async fn an_unfinished_app_that_was_deleted_at_github_is_given_up_and_the_stored_one_stays() {
    let (github, account) = world().await;
    add_app(&github, 7);
    github.with(|model, _| model.install_app(7, "mona", Permissions::runners()));
    account.store(WEBHOOK_SECRET, &json!("sesame"));
    account.store(STORED, &app(7));
    account.store(NEXT, &app(8));
    let ended = Running::start(&account, &["setup", "--no-browser"]).ends().await;
    assert_eq!(ended.code, Some(0), "{}{}", ended.out, ended.err);
    assert!(ended.err.contains("it is given up") && ended.err.contains("The stored App App 7 works"), "{}", ended.err);
    assert_eq!(account.parameter(NEXT), None);
    assert_eq!(account.parameter(STORED), Some(app(7).to_string()));
}

#[tokio::test]
async fn a_wrong_clock_is_no_reason_to_give_an_app_up() {
    let (github, account) = world().await;
    add_app(&github, 7);
    account.store(NEXT, &app(7));
    github.with(|model, _| model.config_mut().clock_ahead_ms = 3_600_000);
    let ended = Running::start(&account, &["setup", "--no-browser"]).ends().await;
    assert_eq!(ended.code, Some(3), "{}{}", ended.out, ended.err);
    assert!(ended.err.contains("behind GitHub's"), "{}", ended.err);
    assert_eq!(account.parameter(NEXT), Some(app(7).to_string()));
}

#[tokio::test]
async fn an_app_of_somebody_elses_is_wrong_at_github_and_not_on_the_command_line() {
    let github = github().await;
    let account = Account::with_fleet("repo/octo-org/app", &github.endpoint()).await;
    add_app(&github, 7);
    account.store(NEXT, &app(7));
    let ended = Running::start(&account, &["setup", "--no-browser"]).ends().await;
    assert!(ended.code == Some(1) && ended.err.contains("made for mona"), "{:?} {}", ended.code, ended.err);
}

#[tokio::test]
async fn the_file_of_a_token_is_to_be_deleted_once_the_token_is_stored() {
    let (_github, account) = world().await;
    let file = std::env::temp_dir().join(format!("fargate-runners-token-{}.txt", std::process::id()));
    std::fs::write(&file, TOKEN).unwrap();
    let name = file.display().to_string();
    let ended = Running::start(&account, &["setup", "--token", "--token-file", &name]).ends().await;
    std::fs::remove_file(&file).unwrap();
    assert_eq!(ended.code, Some(0), "{}{}", ended.out, ended.err);
    assert!(ended.err.contains(&format!("Delete the file {name}")), "{}", ended.err);
    assert_eq!(account.parameter(STORED), Some(token().to_string()));
}

#[tokio::test]
async fn no_token_and_no_file_are_the_command_lines_own_mistakes() {
    let (_github, account) = world().await;
    let mut empty = Running::start(&account, &["setup", "--token"]);
    empty.enter("\n").await;
    let empty = empty.ends().await;
    assert!(empty.code == Some(2) && empty.err.contains("the token was not entered"), "{:?} {}", empty.code, empty.err);
    let missing = Running::start(&account, &["setup", "--token", "--token-file", "/nonexistent/token"]).ends().await;
    assert_eq!(missing.code, Some(2), "{}", missing.err);
    assert_eq!(account.parameter(STORED), None);
}

#[tokio::test]
async fn ctrl_c_ends_a_prompt_for_a_file_at_once() {
    let (github, account) = world().await;
    add_app(&github, 7);
    account.store(STORED, &app(7));
    let mut asking = Running::start(&account, &["setup", "--rotate", "key", "--no-browser"]);
    asking.says("enter the path of the file").await;
    let ended = asking.press_ctrl_c().await;
    assert_eq!(ended.code, Some(130), "{}", ended.err);
    assert_eq!(account.parameter(STORED), Some(app(7).to_string()));
}

#[tokio::test]
async fn ctrl_c_at_the_prompt_for_the_token_ends_at_once_and_gives_the_terminal_its_echo_back() {
    let (_github, account) = world().await;
    let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&ours).unwrap();
    unlockpt(&ours).unwrap();
    let theirs = ioctl_tiocgptpeer(&ours, OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    let shows = || tcgetattr(&theirs).unwrap().local_modes.contains(LocalModes::ECHO);
    assert!(shows());
    // In a session of its own, whose terminal this is: so that Ctrl-C comes from the terminal.
    let mut command = Command::new("/usr/bin/setsid");
    environment(&mut command, &account).args(["--ctty", "--wait", env!("CARGO_BIN_EXE_fargate-runners"), "setup", "--token"]);
    let end = || Stdio::from(theirs.try_clone().unwrap());
    let mut child = command.stdin(end()).stdout(end()).stderr(end()).spawn().unwrap();
    let mut keyboard = File::from(ours.try_clone().unwrap());
    let asks = tokio::task::spawn_blocking(move || {
        let (mut screen, mut text, mut bytes) = (File::from(ours), Vec::new(), [0; 1024]);
        while !String::from_utf8_lossy(&text).contains("Enter the token") {
            let length = screen.read(&mut bytes).unwrap();
            text.extend_from_slice(&bytes[..length]);
        }
        screen
    });
    let _screen = timeout(Duration::from_secs(60), asks).await.expect("it never asks for the token").unwrap();
    assert!(!shows());
    keyboard.write_all(b"ghp_half\x03").unwrap();
    let ended = timeout(Duration::from_secs(5), child.wait()).await.expect("it does not end on Ctrl-C").unwrap();
    assert_eq!(ended.code(), Some(130));
    assert!(shows(), "the terminal is left without its echo");
}
