//! What the function asks of AWS, as a process of its own: at first, and when it is warm.

use fargate_runners_bench::{Before, Plan, Subject, World, counted, live};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

#[tokio::test]
async fn a_warm_look_reads_no_parameter_and_asks_for_what_it_wants_once() {
    let world = World::open(Before::Registered, 0, "", BTreeMap::new()).await.unwrap();
    let event = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../events/scale-fleets.json");
    let subject = Subject {
        name: "scale".to_owned(),
        command: vec![env!("CARGO_BIN_EXE_scale").to_owned()],
        event: std::fs::read_to_string(event).unwrap(),
        before: Before::Registered,
        zipped_bytes: None,
        answers: BTreeMap::new(),
    };
    let log = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("calls.log");
    let life = live(&subject, &world, &Plan { calls: 3, log, instrument: Vec::new() }).await.unwrap();
    assert!(counted(&life.first.calls).keys().any(|name| name.starts_with("SSM.")));
    for call in &life.warm {
        let calls = counted(&call.calls);
        assert_eq!(call.answer, r#"{"batchItemFailures":[]}"#);
        assert!(!calls.keys().any(|name| name.starts_with("SSM.") || name.starts_with("STS.")), "{calls:?}");
        // One fleet is a service, the other launches tasks by itself.
        assert_eq!((calls.get("ECS.UpdateService"), calls.get("ECS.RunTask")), (Some(&1), Some(&1)), "{calls:?}");
    }
}
