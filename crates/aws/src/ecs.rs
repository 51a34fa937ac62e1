//! Capacity, single tasks, and all that a fleet has, over ECS.

mod capacity;
mod protection;
mod services;
mod survey;
mod tasks;

use crate::config::Aws;
use fargate_runners_core::fleet::Fleet;
use fargate_runners_use_cases::ports::{PortError, Retry};

/// ECS. Clones share the client.
#[derive(Clone, Debug)]
pub struct Ecs {
    aws: Aws,
    stack_name: String,
}

impl Ecs {
    /// ECS, for the stack of that name: what it launches says by whom it was started.
    #[must_use]
    pub fn new(aws: &Aws, stack_name: impl Into<String>) -> Self {
        Self { aws: aws.clone(), stack_name: stack_name.into() }
    }
}

/// What ECS says of a task or a service that it does not know, or no more.
const MISSING: &str = "MISSING";

/// A request that cannot be made, by a value that ECS would refuse.
fn unusable(fleet: &Fleet, what: &str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> PortError {
    PortError::new(format!("{what} for fleet {}", fleet.name), Retry::Never, source)
}

/// ECS's reason why a part of a call failed, with what it adds to it.
fn reason(failure: &aws_sdk_ecs::types::Failure) -> String {
    let reason = failure.reason().unwrap_or("no reason given");
    failure.detail().map_or_else(|| reason.to_owned(), |detail| format!("{reason}: {detail}"))
}
