//! What the function asks of AWS, as a process of its own: at first, and when it is warm.

use fargate_runners_bench::{Tried, counted};
use std::collections::BTreeMap;

#[tokio::test]
async fn a_warm_delivery_is_one_call_and_nothing_is_read_again() {
    let webhook = Tried::new("webhook", env!("CARGO_BIN_EXE_webhook")).unwrap();
    let life = webhook.live(3, env!("CARGO_TARGET_TMPDIR")).await.unwrap();
    let published = ("EventBridge.PutEvents".to_owned(), 1);
    let read = ("SSM.GetParametersByPath".to_owned(), 2);
    assert_eq!(counted(&life.first.calls), BTreeMap::from([published.clone(), read]));
    for call in &life.warm {
        assert_eq!(counted(&call.calls), BTreeMap::from([published.clone()]));
        assert!(call.answer.contains("published for default"), "{}", call.answer);
    }
}
