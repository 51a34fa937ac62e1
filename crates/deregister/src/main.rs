//! The function `deregister`: ECS says that a task has ended or is about to; its runner is removed from GitHub if it is still there.
//! This file only wires.
// The SDK nests the future of a call deeper than the compiler looks by default.
#![recursion_limit = "256"]

mod trigger;

use aws_lambda_events::sqs::SqsBatchResponse;
use fargate_runners_aws::{Aws, CredentialParameters, DynamoLedger, EventBus, FleetParameters, RetryLater, SharedTokens, SystemClock};
use fargate_runners_core::ids::StackId;
use fargate_runners_function::{Context, Environment, Runtime, StartError};
use fargate_runners_github::{FleetGithub, GithubClient, Http, System};
use fargate_runners_use_cases::deregister::Deregister;
use trigger::{Trigger, TriggerError};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), StartError> {
    let runtime = Runtime::start()?;
    let environment = Environment::of_process();
    let stack_name = environment.text("STACK_NAME")?;
    let table = environment.text("TABLE_NAME")?;
    let aws = Aws::from_env().map_err(StartError::adapter)?;
    let tokens = SharedTokens::new(&aws, &stack_name, &table);
    let credentials = CredentialParameters::new(&aws, &stack_name, &tokens);
    let deregister = Deregister {
        ledger: DynamoLedger::new(&aws, &table),
        github: FleetGithub::new(GithubClient::new(Http::new(), tokens, System), credentials),
        fleets: FleetParameters::new(&aws, &stack_name),
        bus: EventBus::new(&aws, environment.text("EVENT_BUS_NAME")?),
        retries: RetryLater::new(&aws, environment.text("RETRY_QUEUE_URL")?),
        clock: SystemClock,
        stack: environment.read("STACK_ID", StackId::parse)?,
        stack_name,
    };
    let deregister = &deregister;
    runtime
        .serve(async move |trigger: Trigger, _: Context| -> Result<SqsBatchResponse, TriggerError> { trigger.handle(deregister).await })
        .await
}
