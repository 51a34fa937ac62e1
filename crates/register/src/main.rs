//! The function `register`: tasks ask for their registration, acknowledge it, ask whether they may stay, and report that they are done.
//! This file only wires.
// The SDK nests the future of a call deeper than the compiler looks by default.
#![recursion_limit = "256"]

mod request;
mod response;

use aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use fargate_runners_aws::{Aws, CredentialParameters, DynamoLedger, DynamoPace, Ecs, EventBus, FleetParameters, SharedTokens, SystemClock};
use fargate_runners_core::ids::StackId;
use fargate_runners_function::{Context, Environment, Runtime, StartError};
use fargate_runners_github::{FleetGithub, GithubClient, Http, System};
use fargate_runners_use_cases::register::{Kept, Register};
use request::Request;
use std::convert::Infallible;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), StartError> {
    let runtime = Runtime::start()?;
    let environment = Environment::of_process();
    let stack_name = environment.text("STACK_NAME")?;
    let table = environment.text("TABLE_NAME")?;
    let aws = Aws::from_env().map_err(StartError::adapter)?;
    let tokens = SharedTokens::new(&aws, &stack_name, &table);
    let credentials = CredentialParameters::new(&aws, &stack_name, &tokens);
    let register = Register {
        ledger: DynamoLedger::new(&aws, &table),
        pace: DynamoPace::new(&aws, &table),
        github: FleetGithub::new(GithubClient::new(Http::new(), tokens, System), credentials),
        tasks: Ecs::new(&aws, &stack_name),
        fleets: FleetParameters::new(&aws, &stack_name),
        bus: EventBus::new(&aws, environment.text("EVENT_BUS_NAME")?),
        clock: SystemClock,
        kept: Kept::default(),
        stack: environment.read("STACK_ID", StackId::parse)?,
    };
    let register = &register;
    runtime
        .serve(async move |event: ApiGatewayV2httpRequest, _: Context| -> Result<ApiGatewayV2httpResponse, Infallible> {
            let request = Request::from(event);
            let Some(route) = request.route else { return Ok(response::not_found()) };
            let answer = Box::pin(register.handle(route, request.user_arn.as_deref(), &request.body)).await;
            Ok(response::response(&answer))
        })
        .await
}
