//! What the function asks of AWS, as a process of its own: at first, and when it is warm.

use fargate_runners_bench::{Tried, counted};

#[tokio::test]
async fn a_warm_look_reads_no_parameter_and_asks_for_what_it_wants_once() {
    let scale = Tried::new("scale", env!("CARGO_BIN_EXE_scale")).unwrap();
    let life = scale.live(3, env!("CARGO_TARGET_TMPDIR")).await.unwrap();
    // Two fleets are looked at at once, and wait for the same reading.
    assert_eq!(counted(&life.first.calls).get("SSM.GetParametersByPath"), Some(&1));
    for call in &life.warm {
        let calls = counted(&call.calls);
        assert_eq!(call.answer, r#"{"batchItemFailures":[]}"#);
        assert!(!calls.keys().any(|name| name.starts_with("SSM.") || name.starts_with("STS.")), "{calls:?}");
        // One fleet is a service, the other launches tasks by itself.
        assert_eq!((calls.get("ECS.UpdateService"), calls.get("ECS.RunTask")), (Some(&1), Some(&1)), "{calls:?}");
    }
}
