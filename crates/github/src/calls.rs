//! The operations, one method each, and what their answers hold.

mod app;
mod groups;
mod hooks;
mod job;
mod manifest;
mod mint;
mod run;
mod runners;
mod standing;
mod version;

pub use app::{App, Installation};
pub use groups::{MembersPage, RunnerGroup};
pub use hooks::{Delivery, DeliveryDetail, HookLogOf, Webhook};
pub use job::{Job, Repository};
pub use manifest::{AccountKind, MadeApp};
pub use mint::{JitConfiguration, JitRequest, RegistrationToken};
pub use run::Run;
pub use runners::{Deletion, Runner, RunnerList};
pub use standing::{RateLimit, Token};
