//! Which adapter stands behind which port.

use fargate_runners_aws::{
    CredentialParameters, DeadLetterReader, DynamoLedger, DynamoMemory, Ecs, EventBus, FleetFifo, FleetParameters, RetryLater,
    SharedTokens, SystemClock,
};
use fargate_runners_github::{FleetGithub, System};
use fargate_runners_use_cases::sweep::Ports;

/// The adapters of the function.
pub struct Adapters;

impl Ports for Adapters {
    type Ledger = DynamoLedger;
    type Survey = Ecs;
    type Github = FleetGithub<CredentialParameters, SharedTokens, System>;
    type DeadLetters = DeadLetterReader;
    type Memory = DynamoMemory;
    type Fleets = FleetParameters;
    type Queue = FleetFifo;
    type Retries = RetryLater;
    type Bus = EventBus;
    type Clock = SystemClock;
}
