//! What the function asks of AWS and GitHub about a task that failed, as a process of its own: at first, and when it is warm.

use fargate_runners_bench::{Tried, counted};

#[tokio::test]
async fn a_failed_tasks_runner_is_deleted_with_a_credential_and_a_token_that_come_at_once() {
    let deregister = Tried::new("deregister", env!("CARGO_BIN_EXE_deregister")).unwrap();
    let life = deregister.live(2, env!("CARGO_TARGET_TMPDIR")).await.unwrap();
    let mut first = counted(&life.first.calls);
    // The fleets; and the credential with its token.
    assert_eq!((first.remove("SSM.GetParametersByPath"), first.remove("SSM.GetParameters")), (Some(1), Some(1)), "{first:?}");
    assert!(first.keys().any(|name| name.starts_with("GitHub")), "{first:?}");
    for call in &life.warm {
        assert_eq!(counted(&call.calls), first);
    }
}
