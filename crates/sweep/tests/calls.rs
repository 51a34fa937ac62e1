//! What the function asks of AWS in a sweep of two fleets that have nothing, as a process of its own: at first, and when it is warm.

use fargate_runners_bench::{Tried, counted};
use serde_json::json;
use std::collections::BTreeMap;

/// In every sweep: what is kept in mind, all at once, and a list for each fleet; where the next sweep begins, at the start and at the end; the four queues of
/// dead letters; and of ECS for each fleet its services and its tasks. GitHub cannot be asked here, since nobody has a key.
const EACH: [(&str, u64); 5] =
    [("DynamoDB.Query", 3), ("DynamoDB.PutItem", 2), ("SQS.ReceiveMessage", 4), ("ECS.ListServices", 2), ("ECS.ListTasks", 2)];

#[tokio::test]
async fn a_sweep_of_two_idle_fleets_asks_for_each_thing_once() {
    let nothing = [("ListServices", json!({"serviceArns": []})), ("ListTasks", json!({"taskArns": []}))];
    let nothing = nothing.map(|(action, answer)| (format!("AmazonEC2ContainerServiceV20141113.{action}"), answer));
    let sweep = Tried::new("sweep", env!("CARGO_BIN_EXE_sweep")).unwrap().idle(BTreeMap::from(nothing));
    let life = sweep.live(2, env!("CARGO_TARGET_TMPDIR")).await.unwrap();
    let each: BTreeMap<String, u64> = EACH.into_iter().map(|(name, count)| (name.to_owned(), count)).collect();
    let of_aws = |calls: &[fargate_runners_bench::Call]| -> BTreeMap<String, u64> {
        counted(calls).into_iter().filter(|(name, _)| !name.starts_with("GitHub") && !name.starts_with("SSM.")).collect()
    };
    assert_eq!(of_aws(&life.first.calls), each);
    for call in &life.warm {
        assert_eq!(of_aws(&call.calls), each);
    }
}
