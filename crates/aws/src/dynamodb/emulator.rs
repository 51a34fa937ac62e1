//! The contract of ledgers, paces and memories, against a DynamoDB that somebody else wrote: the one at `LEDGER_TEST_ENDPOINT`, or an emulator that the project's
//! tools hold and that is started for this. Where there is neither, the test says so and does nothing.

use super::{DynamoLedger, DynamoMemory, DynamoPace, memory};
use crate::Aws;
use aws_sdk_dynamodb::types::{AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType};
use fargate_runners_ledger_memory::contract;
use std::io::{Write, stderr};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Where an endpoint is given.
const ENDPOINT: &str = "LEDGER_TEST_ENDPOINT";

/// The emulator, among the project's tools.
const EMULATOR: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../.tools/venv/bin/ministack");

/// How long the emulator may take to start: about a second, and ten times that on a busy machine.
const START: Duration = Duration::from_secs(15);

/// An emulator that ends with the test.
struct Emulator(Child);

impl Drop for Emulator {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The endpoint, and the emulator behind it if it was started here.
fn endpoint() -> Option<(String, Option<Emulator>)> {
    if let Ok(endpoint) = std::env::var(ENDPOINT) {
        return Some((endpoint, None));
    }
    if !Path::new(EMULATOR).exists() {
        // Past the test harness, which would keep it to itself.
        let _ = writeln!(
            stderr(),
            "NOT RUN: the ledger's contract against DynamoDB (no {ENDPOINT}, and no emulator among the project's tools)"
        );
        return None;
    }
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr()).unwrap().port();
    let mut command = Command::new(EMULATOR);
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.envs([("BIND_HOST", "127.0.0.1"), ("GATEWAY_PORT", &port.to_string()), ("IOT_MTLS_ENABLED", "0")]);
    let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let (emulator, begun) = (Emulator(child), Instant::now());
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    while TcpStream::connect_timeout(&address, Duration::from_millis(100)).is_err() {
        assert!(begun.elapsed() < START, "the emulator does not start");
        std::thread::park_timeout(Duration::from_millis(50));
    }
    Some((format!("http://{address}"), Some(emulator)))
}

fn aws(endpoint: &str) -> Aws {
    let variable = |name: &str| {
        let value = match name {
            "AWS_ENDPOINT_URL" => endpoint,
            "AWS_REGION" => "eu-west-1",
            "AWS_ACCESS_KEY_ID" | "AWS_SECRET_ACCESS_KEY" => "test",
            _ => return None,
        };
        Some(value.to_owned())
    };
    Aws::from_variables(variable).unwrap()
}

/// The table as the template makes it.
async fn create_table(aws: &Aws, name: &str) {
    let attribute =
        |name: &str| AttributeDefinition::builder().attribute_name(name).attribute_type(ScalarAttributeType::S).build().unwrap();
    let key = |name: &str, key_type| KeySchemaElement::builder().attribute_name(name).key_type(key_type).build().unwrap();
    let call = aws.dynamodb().create_table().table_name(name).billing_mode(BillingMode::PayPerRequest);
    let call = call.attribute_definitions(attribute("pk")).attribute_definitions(attribute("sk"));
    let call = call.key_schema(key("pk", KeyType::Hash)).key_schema(key("sk", KeyType::Range));
    call.send().await.unwrap();
}

#[tokio::test]
async fn it_is_a_ledger_a_pace_of_mints_and_a_memory() {
    let Some((endpoint, _emulator)) = endpoint() else { return };
    let aws = aws(&endpoint);
    // Of its own, since an endpoint that was given may hold others' tables.
    let table = format!("ledger-contract-{}", std::process::id());
    create_table(&aws, &table).await;
    contract::ledger(&DynamoLedger::new(&aws, &table)).await;
    contract::mint_pace(&DynamoPace::new(&aws, &table)).await;
    memory::tests::contract(&DynamoMemory::new(&aws, &table)).await;
}
