//! Numbers that GitHub gives to things, each with a type of its own.

use std::fmt;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u64);

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(formatter)
            }
        }
    };
}

id!(
    /// A workflow job.
    JobId
);
id!(
    /// A registration of a runner.
    RunnerId
);
id!(
    /// A listener's connection, from its opening to its end.
    SessionId
);
id!(
    /// A configured webhook.
    HookId
);
id!(
    /// One attempt to deliver an event to a webhook. Attempts of one event share a GUID.
    DeliveryId
);
