//! Small wrong changes to this project's own rules, to show that its tests would notice them. Without the feature `mutants`, which nothing that is
//! deployed has, there are none: `is` is constant and the wrong branches are not compiled in.

/// One wrong change. The text says what is done wrong; the rule is the one that it is expected to break first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "each is described by `wrong`, once")]
pub enum Mutant {
    MintBeforeProtection,
    RepeatAfterAck,
    TrustBusy,
    StopAfterDelete,
    IncrementInsteadOfCompute,
    SurplusWithoutVersion,
    LowerWhileSomethingBoots,
    HandBackPoisoned,
    LateEventReopens,
    ForgetNotes,
    ScaleOutsideTheGroup,
    AnswerBeforePublishing,
    IgnoreMaximum,
    MintBesideTheLast,
    ForgetLeaver,
    StopBeforeCondemning,
    ForgetDeliveries,
    ForgetDeadLetters,
    ForgetQueuedJobs,
    ForgetRunningJobs,
    ForgetStoppedTasks,
    ForgetLeftRunners,
    ForgetGhosts,
    ForgetUnregistered,
    ForgetProtection,
    RenewalTakenForGranted,
    ForgetDrift,
    ForgetServices,
    ForgetNudge,
    ForgetInterrupted,
    ForgetRunnerVersion,
}

#[cfg(feature = "mutants")]
thread_local! {
    static CURRENT: std::cell::Cell<Option<Mutant>> = const { std::cell::Cell::new(None) };
}

/// Whether this thread runs the mutant.
#[cfg(feature = "mutants")]
#[must_use]
pub fn is(mutant: Mutant) -> bool {
    CURRENT.get() == Some(mutant)
}

/// Whether this thread runs the mutant: never, in what is deployed.
#[cfg(not(feature = "mutants"))]
#[must_use]
pub const fn is(_: Mutant) -> bool {
    false
}

/// From here on this thread runs the mutant, or none.
#[cfg(feature = "mutants")]
pub fn set(mutant: Option<Mutant>) {
    CURRENT.set(mutant);
}

impl Mutant {
    /// All of them.
    pub const ALL: [Self; 31] = [
        Self::MintBeforeProtection,
        Self::RepeatAfterAck,
        Self::TrustBusy,
        Self::StopAfterDelete,
        Self::IncrementInsteadOfCompute,
        Self::SurplusWithoutVersion,
        Self::LowerWhileSomethingBoots,
        Self::HandBackPoisoned,
        Self::LateEventReopens,
        Self::ForgetNotes,
        Self::ScaleOutsideTheGroup,
        Self::AnswerBeforePublishing,
        Self::IgnoreMaximum,
        Self::MintBesideTheLast,
        Self::ForgetLeaver,
        Self::StopBeforeCondemning,
        Self::ForgetDeliveries,
        Self::ForgetDeadLetters,
        Self::ForgetQueuedJobs,
        Self::ForgetRunningJobs,
        Self::ForgetStoppedTasks,
        Self::ForgetLeftRunners,
        Self::ForgetGhosts,
        Self::ForgetUnregistered,
        Self::ForgetProtection,
        Self::RenewalTakenForGranted,
        Self::ForgetDrift,
        Self::ForgetServices,
        Self::ForgetNudge,
        Self::ForgetInterrupted,
        Self::ForgetRunnerVersion,
    ];

    /// What is done wrong.
    #[must_use]
    pub const fn wrong(self) -> &'static str {
        match self {
            Self::MintBeforeProtection => "a runner is registered although ECS has not granted protection",
            Self::RepeatAfterAck => "a repeated request gets a registration although the last one is acknowledged",
            Self::TrustBusy => "a runner that GitHub does not call busy is stopped",
            Self::StopAfterDelete => {
                "a task counts as done once GitHub has deleted its runner, so that its place is taken out while it waits for a worker"
            }
            Self::IncrementInsteadOfCompute => "each queued delivery adds one to the wanted number",
            Self::SurplusWithoutVersion => "a lease is answered without writing that one may leave less",
            Self::LowerWhileSomethingBoots => "a desired count is lowered while a needed task boots without protection",
            Self::HandBackPoisoned => "a message that cannot be read is handed back to the queue",
            Self::LateEventReopens => "the newest delivery wins, so that a late one opens a job again",
            Self::ForgetNotes => "what is noted with a job is not taken in",
            Self::ScaleOutsideTheGroup => "a wake-up makes a look at once instead of going through the fleet's group",
            Self::AnswerBeforePublishing => "the webhook answers 202 although publishing failed",
            Self::IgnoreMaximum => "the wanted number is not held against the maximum",
            Self::MintBesideTheLast => "a repeat does not remove what the last attempt made",
            Self::ForgetLeaver => "a runner that was told to leave, and asks again, is told to stay",
            Self::StopBeforeCondemning => "a task that takes long to register is stopped without being condemned",
            Self::ForgetDeliveries => "failed deliveries are not redelivered",
            Self::ForgetDeadLetters => "dead letters are not replayed",
            Self::ForgetQueuedJobs => "GitHub is not asked about jobs that are queued for long",
            Self::ForgetRunningJobs => "GitHub is not asked about jobs that run for long",
            Self::ForgetStoppedTasks => "tasks whose end nobody reported are not noticed",
            Self::ForgetLeftRunners => "runners without a task stay in GitHub",
            Self::ForgetGhosts => "runners that GitHub does not know go on waiting",
            Self::ForgetUnregistered => "tasks that never register are left alone",
            Self::ForgetProtection => "protection is not renewed",
            Self::RenewalTakenForGranted => "a protection whose renewal ECS refused is noted as renewed",
            Self::ForgetDrift => "desired counts that somebody changed stay as they are",
            Self::ForgetServices => "empty replaced services are not deleted",
            Self::ForgetNudge => "no fleet is looked at unless something happens to it",
            Self::ForgetInterrupted => "interrupted jobs are not run once more",
            Self::ForgetRunnerVersion => "nobody is told that GitHub is about to refuse a runner's version",
        }
    }
}
