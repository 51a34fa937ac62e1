//! `drain` and `resume`: a wish beside the fleet's description, which outlives deployments of its stack. `scale` follows it as it follows a maximum of 0.

use crate::error::CliError;
use crate::screen::{Answer, Screen};
use crate::stack::Stack;
use fargate_runners_aws::{FleetFifo, FleetParameters};
use fargate_runners_core::events::{Event, LookAgain};
use fargate_runners_core::ids::FleetName;
use fargate_runners_use_cases::ports::FleetQueue as _;
use serde::Serialize;

/// Writes the wish, and has the fleet looked at.
pub async fn run(stack: &Stack, name: &FleetName, drained: bool, screen: &Screen) -> Result<bool, CliError> {
    let fleet = stack.fleet(name).await?;
    let changed = fleet.drained != drained;
    if changed {
        let _doing = screen.doing(format!("writing what is wanted of fleet {name}"));
        FleetParameters::new(&stack.aws, &stack.name).set_drained(name, drained).await?;
    }
    let queue = FleetFifo::new(&stack.aws, stack.output("FleetQueueUrl")?);
    let look = Event::LookAgain(LookAgain::now(name.clone()));
    let body = look.to_message().map_err(|error| CliError::call("writing down a look", error))?;
    queue.forward(name, &format!("operator-{}", Stack::now().as_millis()), &body).await?;
    screen.answer(&Drained { fleet: name.to_string(), drained, changed })?;
    Ok(true)
}

#[derive(Debug, Serialize)]
struct Drained {
    fleet: String,
    drained: bool,
    changed: bool,
}

impl Answer for Drained {
    fn tell(&self) -> String {
        let already = if self.changed { "" } else { " already" };
        if self.drained {
            format!(
                "fleet {} is drained{already}: idle runners leave within a minute or two, running jobs end by themselves, and jobs that are queued wait.\n\
                 `fargate-runners status --fleet {0} --watch` shows it; `fargate-runners resume {0}` ends it.",
                self.fleet
            )
        } else {
            format!("fleet {} takes jobs{already}; what waited is looked at now.", self.fleet)
        }
    }
}
