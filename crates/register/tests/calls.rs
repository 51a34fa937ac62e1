//! What the function asks of AWS and GitHub when a task wants its registration, as a process of its own: at first, and when it is warm.

use fargate_runners_bench::{Tried, counted};

#[tokio::test]
async fn a_registration_is_minted_with_a_credential_and_a_token_that_come_at_once() {
    let register = Tried::new("register", env!("CARGO_BIN_EXE_register")).unwrap();
    let life = register.live(2, env!("CARGO_TARGET_TMPDIR")).await.unwrap();
    let mut first = counted(&life.first.calls);
    // The fleets; and the credential with its token.
    assert_eq!((first.remove("SSM.GetParametersByPath"), first.remove("SSM.GetParameters")), (Some(1), Some(1)), "{first:?}");
    assert!(life.first.answer.contains("encoded_jit_config"), "{}", life.first.answer);
    for call in &life.warm {
        assert_eq!(counted(&call.calls), first);
    }
}
