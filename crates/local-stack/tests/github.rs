//! The server around the model of GitHub together with the stand-in runner: real processes, real time, loopback only.

#[path = "github/stage.rs"]
mod stage;

use fargate_runners_model_github::{Action, Answer, Conclusion, Endpoint, Fate, Fault, NewJob, Presence, Status};
use serde_json::json;
use stage::Stage;

const LABELS: [&str; 3] = ["self-hosted", "linux", "x64"];

fn job() -> NewJob {
    NewJob::new("octo-org", "hello", &LABELS).lasting(100)
}

#[tokio::test]
async fn a_job_runs_on_a_jit_runner_that_is_gone_afterwards() {
    let stage = Stage::new().await;
    let queued = stage.github.with(|github, now| github.queue_job(now, job().titled("lint")));
    let jit = stage.mint("runner-1").await;
    let mut runner = stage.start("runner-1", &jit, &[]);
    runner.prints("√ Connected to GitHub").await;
    runner.prints("Listening for Jobs").await;
    runner.prints("Running job: lint").await;
    runner.prints("Job lint completed with result: Succeeded").await;
    assert_eq!(runner.ends().await, Some(0));
    stage
        .until("the runner is gone and the webhooks have arrived", |github| {
            github.runners().count() == 0 && github.deliveries().filter(|delivery| delivery.answer.is_some()).count() == 3
        })
        .await;
    let seen = stage.webhooks();
    let mut actions: Vec<&str> = seen.iter().filter_map(|webhook| webhook.body["action"].as_str()).collect();
    actions.sort_unstable();
    assert_eq!(actions, ["completed", "in_progress", "queued"]);
    assert!(seen.iter().all(|webhook| webhook.signed && webhook.event == "workflow_job"));
    assert!(seen.iter().all(|webhook| webhook.body["installation"]["id"].is_u64()));
    stage.github.with(|github, _| {
        let done = github.job(queued).expect("known");
        assert_eq!((done.conclusion, done.fate), (Some(Conclusion::Success), Some(Fate::Ran)));
        assert_eq!(done.runner.as_ref().expect("taken").name, "runner-1");
        assert_eq!(github.counters().mints(), 1);
    });
    stage.github.shutdown().await;
}

#[tokio::test]
async fn a_job_step_finds_no_configuration_in_its_environment_or_in_arguments() {
    let stage = Stage::new().await;
    let look = "cat /proc/self/environ /proc/[0-9]*/cmdline 2>/dev/null > found; cat /proc/$PPID/comm > comm";
    let queued = stage.github.with(|github, now| github.queue_job(now, job().lasting(0).with_step(look)));
    let jit = stage.mint("runner-1").await;
    let mut runner = stage.start("runner-1", &jit, &[]);
    assert_eq!(runner.ends().await, Some(0));
    let found = String::from_utf8_lossy(&std::fs::read(stage.folder("runner-1").join("found")).expect("the step ran")).into_owned();
    assert!(found.contains("GITHUB_ACTIONS=true"));
    assert!(!found.contains(&jit), "the configuration is not to be found");
    assert_eq!(std::fs::read_to_string(stage.folder("runner-1").join("comm")).expect("the step ran"), "Runner.Worker\n");
    stage.github.with(|github, _| assert_eq!(github.job(queued).and_then(|job| job.conclusion), Some(Conclusion::Success)));
}

#[tokio::test]
async fn a_running_job_is_cancelled_by_a_signal_and_by_a_person() {
    let stage = Stage::new().await;
    for (name, by_signal) in [("runner-1", true), ("runner-2", false)] {
        let queued = stage.github.with(|github, now| github.queue_job(now, job().titled(name).lasting(60_000).with_step("sleep 60")));
        let jit = stage.mint(name).await;
        let mut runner = stage.start(name, &jit, &[("RUNNER_MANUALLY_TRAP_SIG", "1")]);
        runner.prints(&format!("Running job: {name}")).await;
        if by_signal {
            runner.signal();
        } else {
            stage.github.with(|github, now| github.cancel_job(now, queued));
        }
        runner.prints(&format!("Job {name} completed with result: Canceled")).await;
        assert_eq!(runner.ends().await, Some(0));
        stage.github.with(|github, _| {
            assert_eq!(github.job(queued).map(|job| (job.status, job.fate)), Some((Status::Completed, Some(Fate::CancelledRunning))));
        });
    }
}

#[tokio::test]
async fn an_idle_runner_ends_when_its_registration_is_deleted() {
    let stage = Stage::new().await;
    let jit = stage.mint("runner-1").await;
    let mut runner = stage.start("runner-1", &jit, &[]);
    runner.prints("Listening for Jobs").await;
    let (_, list) = stage.api("GET", "/orgs/octo-org/actions/runners?name=runner-1", &json!(null)).await;
    assert_eq!(
        (&list["total_count"], &list["runners"][0]["status"], &list["runners"][0]["busy"]),
        (&json!(1), &json!("online"), &json!(false))
    );
    let (status, _) = stage.api("DELETE", &format!("/orgs/octo-org/actions/runners/{}", list["runners"][0]["id"]), &json!(null)).await;
    assert_eq!(status, 204);
    runner.prints("The runner registration has been deleted from the server").await;
    assert_eq!(runner.ends().await, Some(0));
}

#[tokio::test]
async fn a_runner_that_is_killed_in_a_job_is_missed_and_its_job_lost() {
    let stage = Stage::new().await;
    stage.github.with(|github, _| github.config_mut().timing.lost_ms = 1500);
    let queued = stage.github.with(|github, now| github.queue_job(now, job().lasting(60_000).with_step("touch begun; sleep 60")));
    let jit = stage.mint("runner-1").await;
    let runner = stage.start("runner-1", &jit, &[]);
    stage.until("the step runs", |_| stage.folder("runner-1").join("begun").exists()).await;
    runner.kill();
    stage
        .until("the runner is offline", |github| {
            github.runner_by_name("runner-1").is_some_and(|runner| runner.presence == Presence::Offline)
        })
        .await;
    stage.until("the job is lost", |github| github.job(queued).is_some_and(|job| job.fate == Some(Fate::LostCommunication))).await;
}

#[tokio::test]
async fn a_runner_that_may_update_itself_restarts_for_ever() {
    let stage = Stage::new().await;
    stage.github.with(|github, _| github.config_mut().jit_without_disable_update = true);
    let jit = stage.mint("runner-1").await;
    let mut runner = stage.start("runner-1", &jit, &[]);
    for _ in 0..2 {
        runner.prints("Listening for Jobs").await;
        runner.prints("Runner update in process").await;
        runner.prints("Restarting runner...").await;
    }
    runner.kill();
}

#[tokio::test]
async fn a_runner_registers_with_a_token_too() {
    let stage = Stage::new().await;
    let (status, answer) = stage.api("POST", "/orgs/octo-org/actions/runners/registration-token", &json!(null)).await;
    assert_eq!(status, 201);
    let token = answer["token"].as_str().expect("a token");
    let options = [
        "--unattended",
        "--url",
        "https://github.com/octo-org",
        "--name",
        "runner-1",
        "--labels",
        "x64,big",
        "--ephemeral",
        "--disableupdate",
        "--replace",
    ];
    assert!(stage.configure("runner-1", &options, token).await);
    stage.github.with(|github, now| github.queue_job(now, NewJob::new("octo-org", "hello", &["self-hosted", "BIG"]).lasting(10)));
    let mut runner = stage.start("runner-1", "", &[]);
    runner.prints("Job build completed with result: Succeeded").await;
    assert_eq!(runner.ends().await, Some(0));
    assert!(!stage.folder("runner-1").join(".runner").exists(), "an ephemeral runner leaves no configuration behind");
}

#[tokio::test]
async fn webhooks_are_repeated_reordered_and_refused_and_the_log_tells() {
    let stage = Stage::new().await;
    stage.refuse_next(1);
    let twice = job().tampered(Action::Queued, Fault::Repeat);
    stage.github.with(|github, now| github.queue_job(now, twice));
    stage.until("both were answered", |github| github.deliveries().filter(|delivery| delivery.answer.is_some()).count() == 2).await;
    let failed = stage.github.with(|github, _| {
        let log: Vec<_> = github.deliveries().cloned().collect();
        assert_eq!(log[0].guid, log[1].guid);
        log.iter().find(|delivery| delivery.answer == Some(Answer::Status(503))).expect("one was refused").id
    });
    let (status, _) = stage.app("POST", &format!("/app/hook/deliveries/{failed}/attempts")).await;
    assert_eq!(status, 202);
    stage
        .until("it was sent again", |github| {
            github.deliveries().filter(|delivery| delivery.redelivery && delivery.answer.is_some_and(Answer::ok)).count() == 1
        })
        .await;
    let (_, log) = stage.app("GET", "/app/hook/deliveries?per_page=100").await;
    let statuses: Vec<_> =
        log.as_array().expect("a list").iter().map(|entry| (entry["redelivery"] == true, entry["status"] == "OK")).collect();
    assert_eq!(statuses.iter().filter(|(redelivery, ok)| *redelivery && *ok).count(), 1);
    assert_eq!(statuses.len(), 3);
}

#[tokio::test]
async fn an_app_gets_a_token_and_calls_are_cut_where_the_model_says_so() {
    let stage = Stage::new().await;
    let (_, installation) = stage.app("GET", "/orgs/octo-org/installation").await;
    let path = format!("/app/installations/{}/access_tokens", installation["id"]);
    let (status, token) = stage.app("POST", &path).await;
    assert_eq!(status, 201);
    assert!(token["token"].as_str().is_some_and(|token| token.len() > 500));
    stage.github.with(|github, _| github.config_mut().faults.dropped_after = 1.0);
    assert!(stage.try_api("POST", "/orgs/octo-org/actions/runners/registration-token", &json!(null)).await.is_none());
    stage.github.with(|github, _| {
        assert_eq!(github.counters().get(Endpoint::RegistrationToken).dropped, 1);
        assert_eq!(github.counters().token_exchanges(), 1);
    });
}
