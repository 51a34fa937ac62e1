//! The function `sweep`, the healer: every few minutes it looks for what was lost, and puts it right. Since it has GitHub's
//! credential, it also asks there what a person wants to know. This file only wires.
// The SDK nests the future of a call deeper than the compiler looks by default.
#![recursion_limit = "256"]

mod ports;
mod trigger;

use fargate_runners_aws::{
    Aws, CredentialParameters, DeadLetterReader, DeadLetterUrls, DynamoLedger, DynamoMemory, Ecs, EventBus, FleetFifo, FleetParameters,
    RetryLater, SharedTokens, SystemClock,
};
use fargate_runners_core::ids::StackId;
use fargate_runners_function::{Context, Environment, Runtime, StartError};
use fargate_runners_github::{FleetGithub, GithubClient, Http, System};
use fargate_runners_use_cases::inquiry::{Answer, Inquire};
use fargate_runners_use_cases::sweep::{Report, Sweep};
use ports::Adapters;
use serde::Serialize;
use trigger::{Trigger, TriggerError};

/// What the function answers with.
#[derive(Serialize)]
#[serde(untagged)]
enum Done {
    Swept(Report),
    Asked(Answer),
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), StartError> {
    let runtime = Runtime::start()?;
    let environment = Environment::of_process();
    let stack_name = environment.text("STACK_NAME")?;
    let table = environment.text("TABLE_NAME")?;
    let aws = Aws::from_env().map_err(StartError::adapter)?;
    let tokens = SharedTokens::new(&aws, &stack_name, &table);
    let credentials = CredentialParameters::new(&aws, &stack_name, &tokens);
    let github = FleetGithub::new(GithubClient::new(Http::new(), tokens, System), credentials);
    let dead_letters = DeadLetterUrls {
        events: environment.text("EVENT_DEAD_LETTERS_URL")?,
        fleets: environment.text("FLEET_DEAD_LETTERS_URL")?,
        wake_ups: environment.text("WAKE_UP_DEAD_LETTERS_URL")?,
        retries: environment.text("RETRY_DEAD_LETTERS_URL")?,
    };
    let sweep: Sweep<Adapters> = Sweep {
        ledger: DynamoLedger::new(&aws, &table),
        survey: Ecs::new(&aws, &stack_name),
        github: github.with_webhook_url(environment.text("WEBHOOK_URL")?),
        dead_letters: DeadLetterReader::new(&aws, dead_letters),
        memory: DynamoMemory::new(&aws, &table),
        fleets: FleetParameters::new(&aws, &stack_name),
        queue: FleetFifo::new(&aws, environment.text("FLEET_QUEUE_URL")?),
        retries: RetryLater::new(&aws, environment.text("RETRY_QUEUE_URL")?),
        bus: EventBus::new(&aws, environment.text("EVENT_BUS_NAME")?),
        clock: SystemClock,
        stack: environment.read("STACK_ID", StackId::parse)?,
        stack_name,
        retry_interrupted_jobs: environment.parsed("RETRY_INTERRUPTED_JOBS")?,
    };
    let sweep = &sweep;
    runtime
        .serve(async move |trigger: Option<Trigger>, _: Context| -> Result<Done, TriggerError> {
            let trigger = trigger.unwrap_or_default();
            match &trigger.inquiry {
                None => Ok(Done::Swept(sweep.handle(&trigger.healers()?).await)),
                Some(inquiry) => {
                    let ports = Inquire { github: &sweep.github, fleets: &sweep.fleets, clock: &sweep.clock, stack: &sweep.stack };
                    Ok(Done::Asked(ports.handle(inquiry).await?))
                }
            }
        })
        .await
}
