//! Everything that may go wrong in a story: its name, its usual rate, and how often it struck. Each kind has chances of its own, so that leaving one out
//! changes as little as possible of the rest of the story.

use crate::engine::Millis;
use std::cell::{Cell, RefCell};
use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

macro_rules! faults {
    ($($fault:ident, $rate:expr, $text:expr;)*) => {
        /// Something that may go wrong.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[expect(missing_docs, reason = "each is described by `text`, once")]
        pub enum Fault { $($fault,)* }

        impl Fault {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$fault,)*];

            /// How often it strikes where it can, from 0 to 1; what a chance is, differs from kind to kind.
            #[must_use]
            pub const fn usual_rate(self) -> f64 {
                match self { $(Self::$fault => $rate,)* }
            }

            /// What goes wrong.
            #[must_use]
            pub const fn text(self) -> &'static str {
                match self { $(Self::$fault => $text,)* }
            }
        }
    };
}

faults! {
    // GitHub's deliveries.
    DeliveryLost, 0.01, "a delivery never arrives, and GitHub's log shows it as failed";
    DeliveryAnswerLost, 0.005, "a delivery arrives, and the answer to it is lost";
    DeliveryRepeated, 0.02, "a delivery comes twice within seconds";
    DeliveryRepeatedLate, 0.003, "a delivery comes once more, up to three days later";
    DeliveryDelayed, 0.02, "a delivery is late by minutes";
    DeliveryReordered, 0.02, "a delivery is late by seconds, so that the next overtakes it";
    NoCompleted, 0.003, "GitHub never says that a job is completed";
    StaleRunner, 0.01, "a queued delivery bears a runner already";
    // GitHub's REST interface and runners.
    GithubErrorBefore, 0.005, "GitHub answers 502 and has done nothing";
    GithubErrorAfter, 0.005, "GitHub answers 502 although it has done it";
    GithubSilentBefore, 0.003, "GitHub does not answer and has done nothing";
    GithubSilentAfter, 0.003, "GitHub does not answer although it has done it";
    GithubLimited, 0.003, "GitHub asks for a pause";
    ListenerHangs, 0.01, "a listener connects and never takes a job";
    GhostMade, 0.03, "GitHub removes an idle runner's registration, and its listener hears nothing of it";
    RunnerDeleted, 0.03, "somebody deletes an idle runner at GitHub, and its listener is told and ends";
    RunnerDies, 0.005, "the runner's program dies";
    JobReplaysNonce, 0.03, "job code replays the nonce";
    JobAsksWithOwnNonce, 0.02, "job code asks for a registration with a nonce of its own";
    // AWS's calls.
    CallThrottled, 0.005, "a call to AWS is throttled";
    CallFailedBefore, 0.003, "a call to AWS fails and has done nothing";
    CallFailedAfter, 0.003, "a call to AWS fails although it was carried out";
    CallSlow, 0.01, "a call takes seconds";
    CommitRaced, 0.01, "somebody else's transaction is on the same record";
    // Functions.
    FunctionDies, 0.004, "a function dies at a wait";
    FunctionRunsTwice, 0.01, "an event makes two invocations at once, where AWS allows it";
    HostOld, 0.05, "a host goes on with fleets that it read minutes ago";
    ClockSkew, 0.2, "a host's clock is wrong by up to two seconds";
    // Bus and queues.
    EventRepeated, 0.01, "the bus delivers an event twice";
    EventDelayed, 0.01, "the bus delivers an event minutes late";
    EventDeadLettered, 0.002, "a rule cannot deliver an event, which becomes a dead letter";
    MessagePoisoned, 0.001, "a message that nobody can read comes into the fleets' queue";
    WakeUpRepeated, 0.01, "a wake-up comes twice";
    WakeUpLost, 0.002, "a wake-up becomes a dead letter";
    EcsEventLost, 0.01, "an event of ECS is never delivered";
    EcsEventRepeated, 0.02, "an event of ECS comes twice";
    EcsEventDelayed, 0.02, "an event of ECS is late by minutes";
    SweepMissed, 0.05, "the schedule leaves out a sweep";
    SweepTwice, 0.05, "the schedule starts a sweep twice";
    // Tasks.
    ImagePull, 0.01, "an image cannot be pulled";
    ImagePullStorm, 0.02, "for some minutes no image can be pulled";
    SlowBoot, 0.02, "a task takes minutes to start";
    BootHangs, 0.003, "a start script does nothing";
    SpotInterruption, 0.01, "Spot takes a task, with a warning";
    TaskVanishes, 0.005, "a task dies without a word of its own";
    TaskRetired, 0.001, "Fargate retires a task's host";
    TaskCallLost, 0.01, "a task's call does not get through";
    TaskAnswerLost, 0.01, "the answer to a task's call is lost";
    ProtectionRefused, 0.01, "ECS refuses a fleet's tasks protection for a while";
    RenewalRefused, 0.1, "ECS refuses to renew protection, which it then does for a while";
    // People and deployments.
    FunctionsDeployed, 0.3, "new function versions are deployed in the middle";
    RevisionDeployed, 0.3, "a new task definition is deployed in the middle";
    FleetAdded, 0.1, "a fleet is added in the middle";
    FleetRemoved, 0.05, "a fleet is removed in the middle";
    MaximumLowered, 0.3, "a fleet's maximum is lowered below what runs";
    LabelsChanged, 0.05, "a fleet's labels change in the middle";
    DesiredChanged, 0.1, "somebody changes a desired count by hand";
    JobOfDays, 0.0005, "a job runs for five days";
}

/// No fault has this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no fault {0:?}; there are {all:?}", all = Fault::ALL)]
pub struct UnknownFault(String);

impl FromStr for Fault {
    type Err = UnknownFault;

    fn from_str(text: &str) -> Result<Self, UnknownFault> {
        Self::ALL.iter().find(|fault| format!("{fault:?}") == text).copied().ok_or_else(|| UnknownFault(text.chars().take(80).collect()))
    }
}

/// A fault with a rate of its own, written `GhostMade=0.3`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    /// What goes wrong.
    pub fault: Fault,
    /// How often it strikes where it can, from 0 to 1.
    pub rate: f64,
}

/// What is no fault with a rate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnknownRate {
    /// It has no equals sign.
    #[error("a rate is written Fault=0.2")]
    NoRate,
    /// Its name is no fault's.
    #[error(transparent)]
    Fault(#[from] UnknownFault),
    /// Its number is none, or no chance.
    #[error("{0:?} is no rate: it is a number from 0 to 1")]
    Number(String),
}

impl FromStr for Rate {
    type Err = UnknownRate;

    fn from_str(text: &str) -> Result<Self, UnknownRate> {
        let (fault, number) = text.split_once('=').ok_or(UnknownRate::NoRate)?;
        let rate = number.parse().ok().filter(|rate| (0.0..=1.0).contains(rate));
        Ok(Self { fault: fault.parse()?, rate: rate.ok_or_else(|| UnknownRate::Number(number.chars().take(80).collect()))? })
    }
}

impl Display for Rate {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}={}", self.fault, self.rate)
    }
}

/// How often each fault strikes and struck, in one story.
pub struct Faults {
    rates: RefCell<Vec<f64>>,
    chances: Vec<RefCell<fastrand::Rng>>,
    struck: Vec<Cell<u64>>,
    until: Cell<Millis>,
    late_until: Cell<Millis>,
}

/// A part of the faults goes on in a story that goes on for days. The rates of those that are left are multiplied by this.
const LATE: f64 = 0.5;

impl Faults {
    /// The usual rates times `factor`, which each strike until `until`.
    #[must_use]
    pub fn new(seed: u64, factor: f64, until: Millis) -> Self {
        Self {
            rates: RefCell::new(Fault::ALL.iter().map(|fault| (fault.usual_rate() * factor).min(1.0)).collect()),
            chances: (0..Fault::ALL.len() as u64)
                .map(|kind| RefCell::new(fastrand::Rng::with_seed(seed ^ (kind + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15))))
                .collect(),
            struck: vec![Cell::new(0); Fault::ALL.len()],
            until: Cell::new(until),
            late_until: Cell::new(until),
        }
    }

    /// Sets one rate.
    pub fn set(&self, fault: Fault, rate: f64) {
        self.rates.borrow_mut()[fault as usize] = rate;
    }

    /// How often a fault strikes where it can.
    #[must_use]
    pub fn rate(&self, fault: Fault) -> f64 {
        self.rates.borrow()[fault as usize]
    }

    /// From when on nothing goes wrong any more, except for what goes on in a story of days.
    #[must_use]
    pub fn until(&self) -> Millis {
        self.until.get()
    }

    /// Whatever is drawn where it can strike goes on until then, less often.
    pub fn go_on(&self, until: Millis) {
        self.late_until.set(until.max(self.until.get()));
    }

    /// From when on really nothing goes wrong any more.
    #[must_use]
    pub fn late_until(&self) -> Millis {
        self.late_until.get()
    }

    /// Whether the fault strikes now; counted if so.
    pub fn strikes(&self, fault: Fault, now: Millis) -> bool {
        let strikes = self.is_drawn(fault, now);
        if strikes {
            self.count(fault);
        }
        strikes
    }

    /// Whether the fault is to strike later, if it can by then; counted only then, by `count`.
    pub fn is_drawn(&self, fault: Fault, now: Millis) -> bool {
        let late = if now < self.until.get() { 1.0 } else { LATE };
        let rate = self.rates.borrow()[fault as usize] * late;
        rate > 0.0 && now < self.late_until.get() && self.chances[fault as usize].borrow_mut().f64() < rate
    }

    /// Counts a fault that struck elsewhere, or that was drawn before.
    pub fn count(&self, fault: Fault) {
        let struck = &self.struck[fault as usize];
        struck.set(struck.get() + 1);
    }

    /// A length between the two, drawn for this fault.
    pub fn between(&self, fault: Fault, least: Millis, most: Millis) -> Millis {
        self.chances[fault as usize].borrow_mut().u64(least..=most)
    }

    /// Whether the fault has struck yet.
    #[must_use]
    pub fn has_struck(&self, fault: Fault) -> bool {
        self.struck[fault as usize].get() > 0
    }

    /// How often each struck.
    #[must_use]
    pub fn struck(&self) -> Vec<u64> {
        self.struck.iter().map(Cell::get).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_written_as_it_is_read() {
        let rate: Rate = "GhostMade=0.3".parse().unwrap();
        assert_eq!(rate, Rate { fault: Fault::GhostMade, rate: 0.3 });
        assert_eq!(rate.to_string(), "GhostMade=0.3");
    }

    #[test]
    fn what_is_no_rate_is_told_why() {
        let why = |text: &str| text.parse::<Rate>().map_err(|error| error.to_string()).unwrap_err();
        assert_eq!(why("GhostMade"), "a rate is written Fault=0.2");
        assert!(why("Ghost=0.3").starts_with("there is no fault \"Ghost\"; there are [DeliveryLost, "));
        for number in ["", "many", "1.5", "-1", "NaN"] {
            assert_eq!(why(&format!("GhostMade={number}")), format!("{number:?} is no rate: it is a number from 0 to 1"));
        }
    }
}
