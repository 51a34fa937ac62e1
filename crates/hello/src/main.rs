//! A function that greets, with the same runtime and the same profile as the project's own, and nothing else: `cargo xtask bench` measures it as the
//! floor. It must never learn to do anything, and is never deployed.

use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::{Value, json};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    lambda_runtime::run(service_fn(async |_: LambdaEvent<Value>| Ok::<_, Error>(json!({ "hello": "world" })))).await
}
