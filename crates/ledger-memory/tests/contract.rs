//! The ledger in memory passes the contract that every ledger passes.

use fargate_runners_ledger_memory::{MemoryLedger, contract};

#[tokio::test]
async fn it_is_a_ledger() {
    contract::ledger(&MemoryLedger::new()).await;
}

#[tokio::test]
async fn it_is_a_pace_of_mints() {
    contract::mint_pace(&MemoryLedger::new()).await;
}

#[test]
fn it_can_be_shared_between_threads() {
    fn shared<T: Clone + Send + Sync + 'static>(_: &T) {}
    shared(&MemoryLedger::new());
}
