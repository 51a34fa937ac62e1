//! The stack in the account: found by its name, with the operator's own credentials as AWS's tools find them.

use crate::arguments::Account;
use crate::error::CliError;
use crate::screen::Screen;
use aws_config::BehaviorVersion;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_types::SdkConfig;
use aws_types::region::Region;
use fargate_runners_aws::{Aws, DynamoLedger, Ecs, FleetParameters, Pool, limits};
use fargate_runners_core::fleet::Fleet;
use fargate_runners_core::ids::{FleetName, StackId};
use fargate_runners_core::time::Timestamp;
use fargate_runners_use_cases::ports::{Clock as _, FleetList, Fleets as _};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// How long one attempt of a call may take: AWS answers what is asked here within seconds, so that a longer wait means that the answer is lost.
const ATTEMPT: Duration = Duration::from_secs(10);

/// How long a call may take with its repeats: nobody waits for longer without wondering.
const CALL: Duration = Duration::from_secs(30);

/// How long the invocation of `sweep` may take, with its repeats: the function itself may take five minutes.
const SWEEP: Duration = Duration::from_secs(310);

/// The stack.
pub struct Stack {
    /// Its name.
    pub name: String,
    /// The ledger's table.
    pub table: String,
    /// CloudFormation's word for its state, such as `UPDATE_COMPLETE`.
    pub status: String,
    /// All of its outputs.
    pub outputs: BTreeMap<String, String>,
    /// The settings of all clients.
    pub config: SdkConfig,
    /// The project's own adapters.
    pub aws: Aws,
}

impl Stack {
    /// Looks it up.
    pub async fn find(account: &Account, screen: &Screen) -> Result<Self, CliError> {
        let _doing = screen.doing(format!("finding the stack {}", account.stack));
        let config = config(account).await?;
        let region = config.region().ok_or(CliError::NoRegion)?.to_string();
        let client = aws_sdk_cloudformation::Client::new(&config);
        let found = match client.describe_stacks().stack_name(&account.stack).send().await {
            Ok(found) => found.stacks.and_then(|stacks| stacks.into_iter().next()),
            Err(error) if error.as_service_error().is_some_and(|error| error.to_string().contains("does not exist")) => None,
            Err(error) => return Err(CliError::call(format!("looking up the stack {} in {region}", account.stack), error)),
        };
        let found = found.ok_or_else(|| CliError::NoStack { name: account.stack.clone(), region: region.clone() })?;
        let outputs: BTreeMap<String, String> = found
            .outputs()
            .iter()
            .filter_map(|output| Some((output.output_key()?.to_owned(), output.output_value()?.to_owned())))
            .collect();
        let table = outputs.get("TableName").cloned();
        let aws = Aws::from_config(config.clone(), |name| std::env::var(name).ok());
        Ok(Self {
            table: table.ok_or_else(|| CliError::NoOutput { stack: account.stack.clone(), output: "TableName" })?,
            name: account.stack.clone(),
            status: found.stack_status().map(|status| status.as_str().to_owned()).unwrap_or_default(),
            outputs,
            config,
            aws,
        })
    }

    /// Its id in the names of its runners.
    pub fn id(&self) -> Result<StackId, CliError> {
        StackId::parse(self.output("StackId8")?).map_err(|error| CliError::call("reading the stack's output StackId8", error))
    }

    /// One of its outputs.
    pub fn output(&self, output: &'static str) -> Result<&str, CliError> {
        self.outputs.get(output).map(String::as_str).ok_or_else(|| CliError::NoOutput { stack: self.name.clone(), output })
    }

    /// Now.
    pub fn now() -> Timestamp {
        fargate_runners_aws::SystemClock.now()
    }

    /// The ledger.
    pub fn ledger(&self) -> DynamoLedger {
        DynamoLedger::new(&self.aws, &self.table)
    }

    /// ECS.
    pub fn ecs(&self) -> Ecs {
        Ecs::new(&self.aws, &self.name)
    }

    /// The fleets, as their stacks describe them.
    pub async fn fleets(&self) -> Result<Arc<FleetList>, CliError> {
        Ok(FleetParameters::new(&self.aws, &self.name).fleets(Duration::ZERO).await?)
    }

    /// One fleet.
    pub async fn fleet(&self, name: &FleetName) -> Result<Fleet, CliError> {
        let list = self.fleets().await?;
        list.fleets.iter().find(|fleet| fleet.name == *name).cloned().ok_or_else(|| {
            let names: Vec<&str> = list.fleets.iter().map(|fleet| fleet.name.as_str()).collect();
            CliError::NoFleet(name.to_string(), names.join(", "))
        })
    }

    /// Asks `sweep`, which alone may ask GitHub.
    pub async fn ask_sweep<A: DeserializeOwned>(&self, question: &impl Serialize) -> Result<A, CliError> {
        let function = format!("{}-sweep", self.name);
        let patient = aws_sdk_lambda::config::Builder::from(&self.config).timeout_config(within(SWEEP, SWEEP)).build();
        let client = aws_sdk_lambda::Client::from_conf(patient);
        let call = client.invoke().function_name(&function).payload(serde_json::to_vec(question)?.into());
        let answer = call.send().await.map_err(|error| CliError::call(format!("invoking the function {function}"), error))?;
        let payload = answer.payload.map(aws_sdk_lambda::primitives::Blob::into_inner).unwrap_or_default();
        if answer.function_error.is_some() {
            return Err(CliError::Function { function, said: String::from_utf8_lossy(&payload).into_owned() });
        }
        Ok(serde_json::from_slice(&payload)?)
    }
}

/// The limits of a call: of each attempt, and of all of them together.
fn within(attempt: Duration, all: Duration) -> TimeoutConfig {
    TimeoutConfig::builder().connect_timeout(limits::CONNECT).operation_attempt_timeout(attempt).operation_timeout(all).build()
}

async fn config(account: &Account) -> Result<SdkConfig, CliError> {
    let http = Pool::new().map_err(|error| CliError::call("setting up TLS", error))?;
    let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12()).http_client(http).timeout_config(within(ATTEMPT, CALL));
    loader = loader.retry_config(RetryConfig::standard().with_max_attempts(limits::ATTEMPTS));
    if let Some(profile) = &account.profile {
        loader = loader.profile_name(profile);
    }
    if let Some(region) = &account.region {
        loader = loader.region(Region::new(region.clone()));
    }
    let config = loader.load().await;
    if config.region().is_none() {
        return Err(CliError::NoRegion);
    }
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;
    use fargate_runners_use_cases::ports::chain;
    use std::net::TcpListener;

    /// A short limit in the place of the real one, so that nobody waits for it.
    const SHORT: Duration = Duration::from_millis(300);

    #[tokio::test]
    async fn all_the_repeats_of_a_call_that_gets_no_answer_are_within_its_time() {
        // Connections are taken by the system, and nobody ever answers.
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let config = aws_sdk_cloudformation::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new("eu-west-1"))
            .endpoint_url(format!("http://{}", silent.local_addr().unwrap()))
            .http_client(Pool::new().unwrap())
            .credentials_provider(aws_sdk_cloudformation::config::Credentials::new("nobody", "nothing", None, None, "test"))
            .retry_config(RetryConfig::standard().with_max_attempts(limits::ATTEMPTS))
            .timeout_config(within(SHORT, SHORT * 2))
            .build();
        let error = aws_sdk_cloudformation::Client::from_conf(config).describe_stacks().send().await.unwrap_err();
        assert!(chain(&error).contains("operation timeout"), "{}", chain(&error));
    }

    #[test]
    fn only_sweep_may_take_minutes() {
        let template = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../template.yaml")).unwrap();
        let timeouts = template.lines().filter_map(|line| line.trim().strip_prefix("Timeout: ")?.split_whitespace().next()?.parse().ok());
        let longest: Duration = timeouts.map(Duration::from_secs).max().unwrap();
        assert!(longest > CALL && longest < SWEEP, "{longest:?}");
        assert!(CALL <= Duration::from_secs(30) && ATTEMPT <= CALL);
    }
}
