//! What is done to the local stack while it works: each kind of fault, in words for the screen.

use std::fmt;

use crate::stack::functions::FUNCTIONS;
use crate::stack::lines::Between;

/// A kind of fault. What is windowed goes on for a while; what is not happens once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// A function's process gets SIGKILL while it talks to somebody.
    FunctionKilled(&'static str),
    /// A line breaks, or falls silent.
    LineCut(Between),
    /// GitHub answers 502 or not at all, with and without the effect.
    GithubFails,
    /// GitHub answers 403 and 429.
    GithubThrottles,
    /// Deliveries never arrive, or their answers do not.
    DeliveriesLost,
    /// Deliveries come twice, late, and out of order.
    DeliveriesRepeated,
    /// ECS throttles, answers 500 or not at all, with and without the effect.
    EcsFails,
    /// Task events never arrive.
    TaskEventsLost,
    /// Task events come twice.
    TaskEventsRepeated,
    /// All processes of a task get SIGKILL.
    TaskKilled,
    /// AWS takes a Spot task back.
    SpotInterruption,
    /// The stack is deployed with another task definition.
    Redeploy,
}

impl Fault {
    /// Every kind that the schedule deals, each once.
    pub fn deck() -> Vec<Self> {
        let mut deck: Vec<Self> = FUNCTIONS.into_iter().map(Self::FunctionKilled).collect();
        deck.extend(Between::ALL.map(Self::LineCut));
        deck.extend([
            Self::GithubFails,
            Self::GithubThrottles,
            Self::DeliveriesLost,
            Self::DeliveriesRepeated,
            Self::EcsFails,
            Self::TaskEventsLost,
            Self::TaskEventsRepeated,
            Self::TaskKilled,
            Self::SpotInterruption,
        ]);
        deck
    }

    /// What its second number counts, in the table at the end.
    pub fn hits(self) -> &'static str {
        match self {
            Self::FunctionKilled(_) => "processes",
            Self::LineCut(_) => "connections",
            Self::GithubFails | Self::GithubThrottles | Self::EcsFails => "calls",
            Self::DeliveriesLost | Self::DeliveriesRepeated => "deliveries",
            Self::TaskEventsLost | Self::TaskEventsRepeated => "events",
            Self::TaskKilled | Self::SpotInterruption => "tasks",
            Self::Redeploy => "deploys",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FunctionKilled(function) => write!(formatter, "{function} killed in a call"),
            Self::LineCut(between) => write!(formatter, "line cut, {between}"),
            Self::GithubFails => formatter.write_str("GitHub answers 502 or nothing"),
            Self::GithubThrottles => formatter.write_str("GitHub answers 403 and 429"),
            Self::DeliveriesLost => formatter.write_str("deliveries or their answers lost"),
            Self::DeliveriesRepeated => formatter.write_str("deliveries twice, late, out of order"),
            Self::EcsFails => formatter.write_str("ECS throttles, fails, or says nothing"),
            Self::TaskEventsLost => formatter.write_str("task events lost"),
            Self::TaskEventsRepeated => formatter.write_str("task events twice"),
            Self::TaskKilled => formatter.write_str("task killed"),
            Self::SpotInterruption => formatter.write_str("task taken by Spot"),
            Self::Redeploy => formatter.write_str("redeployed with another task definition"),
        }
    }
}
