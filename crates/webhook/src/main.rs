//! The function `webhook`: GitHub's deliveries come in over HTTP and go out as events, or are noted with their jobs. This file only wires.
// The SDK nests the future of a call deeper than the compiler looks by default.
#![recursion_limit = "256"]

mod request;

use aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use fargate_runners_aws::{Aws, DynamoLedger, EventBus, FleetParameters, SecretParameters, SystemClock};
use fargate_runners_core::ids::StackId;
use fargate_runners_function::{Context, Environment, Runtime, StartError};
use fargate_runners_use_cases::webhook::Webhook;
use request::Request;
use std::convert::Infallible;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), StartError> {
    let runtime = Runtime::start()?;
    let environment = Environment::of_process();
    let stack_name = environment.text("STACK_NAME")?;
    let aws = Aws::from_env().map_err(StartError::adapter)?;
    let webhook = Webhook {
        secrets: SecretParameters::new(&aws, &stack_name),
        fleets: FleetParameters::new(&aws, &stack_name),
        notes: DynamoLedger::new(&aws, environment.text("TABLE_NAME")?),
        bus: EventBus::new(&aws, environment.text("EVENT_BUS_NAME")?),
        clock: SystemClock,
        stack: environment.read("STACK_ID", StackId::parse)?,
    };
    let webhook = &webhook;
    runtime
        .serve(async move |event: ApiGatewayV2httpRequest, _: Context| -> Result<ApiGatewayV2httpResponse, Infallible> {
            let Some(request) = Request::from_event(event) else {
                return Ok(response(400, "the body says that it is base64, and is not".to_owned()));
            };
            let answer = webhook.handle(request.delivery()).await;
            Ok(response(answer.status.into(), answer.message))
        })
        .await
}

fn response(status: i64, message: String) -> ApiGatewayV2httpResponse {
    let mut response = ApiGatewayV2httpResponse::default();
    response.status_code = status;
    response.body = Some(message.into());
    response
}
