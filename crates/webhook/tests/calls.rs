//! What the function asks of AWS, as a process of its own: at first, and when it is warm.

use fargate_runners_bench::{Before, Plan, Subject, World, counted, live};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

#[tokio::test]
async fn a_warm_delivery_is_one_call_and_nothing_is_read_again() {
    let world = World::open(Before::Running, 0, "", BTreeMap::new()).await.unwrap();
    let event = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../events/webhook-queued.json");
    let subject = Subject {
        name: "webhook".to_owned(),
        command: vec![env!("CARGO_BIN_EXE_webhook").to_owned()],
        event: std::fs::read_to_string(event).unwrap(),
        before: Before::Running,
        zipped_bytes: None,
        answers: BTreeMap::new(),
    };
    let log = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("calls.log");
    let life = live(&subject, &world, &Plan { calls: 3, log, instrument: Vec::new() }).await.unwrap();
    let published = ("EventBridge.PutEvents".to_owned(), 1);
    let read = ("SSM.GetParametersByPath".to_owned(), 2);
    assert_eq!(counted(&life.first.calls), BTreeMap::from([published.clone(), read]));
    for call in &life.warm {
        assert_eq!(counted(&call.calls), BTreeMap::from([published.clone()]));
        assert!(call.answer.contains("published for default"), "{}", call.answer);
    }
}
