//! The operations, one method each, and what their answers hold.

mod hooks;
mod job;
mod mint;
mod run;
mod runners;
mod version;

pub use hooks::{Delivery, HookLogOf, Webhook};
pub use job::Job;
pub use mint::{JitConfiguration, JitRequest, RegistrationToken};
pub use run::Run;
pub use runners::{Deletion, Runner, RunnerList};
