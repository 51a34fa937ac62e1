//! The function `scale`: the one writer of launches and desired counts. This file only wires.
// The SDK nests the future of a call deeper than the compiler looks by default.
#![recursion_limit = "256"]

mod batch;

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use batch::{Batch, answer};
use fargate_runners_aws::{Aws, DeadLetterQueue, DynamoLedger, Ecs, EventBus, FleetFifo, FleetParameters, SystemClock, WakeUpQueue};
use fargate_runners_core::ids::StackId;
use fargate_runners_function::{Context, Environment, Runtime, StartError};
use fargate_runners_use_cases::scale::{Scale, Sizes};
use std::convert::Infallible;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), StartError> {
    let runtime = Runtime::start()?;
    let environment = Environment::of_process();
    let stack_name = environment.text("STACK_NAME")?;
    let aws = Aws::from_env().map_err(StartError::adapter)?;
    let scale = Scale {
        ledger: DynamoLedger::new(&aws, environment.text("TABLE_NAME")?),
        capacity: Ecs::new(&aws, &stack_name),
        fleets: FleetParameters::new(&aws, &stack_name),
        bus: EventBus::new(&aws, environment.text("EVENT_BUS_NAME")?),
        wake_up: WakeUpQueue::new(&aws, environment.text("WAKE_UP_QUEUE_URL")?),
        queue: FleetFifo::new(&aws, environment.text("FLEET_QUEUE_URL")?),
        dead_letters: DeadLetterQueue::new(&aws, environment.text("DEAD_LETTER_QUEUE_URL")?),
        clock: SystemClock,
        sizes: Sizes::default(),
        stack: environment.read("STACK_ID", StackId::parse)?,
    };
    let scale = &scale;
    runtime
        .serve(async move |event: SqsEvent, _: Context| -> Result<SqsBatchResponse, Infallible> {
            let Batch { fleets, wake_ups } = Batch::from(event);
            let mut failed = scale.handle(fleets).await;
            failed.extend(scale.forward(wake_ups).await);
            Ok(answer(failed))
        })
        .await
}
