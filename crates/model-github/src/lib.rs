//! GitHub as a pure state machine on virtual time.
//!
//! It knows what the rest of this project lives on: runners, the job queue, tokens, rate limits, and webhooks with a delivery log. The same
//! model serves a simulation (typed calls, no JSON) and a server on the loopback interface (HTTP in, HTTP out). It is faithful where it
//! hurts: `busy` lags behind the truth and a DELETE succeeds meanwhile, any fitting runner may get any job, a crashed runner blocks for ten
//! minutes, answers get lost after their effect has happened.
//!
//! It must never read a clock, do I/O or draw randomness that did not come from its seed, and it must never share a wire type with the
//! project's own adapters: a mistake made there would be mirrored here and nobody would see it.

mod apps;
mod assign;
mod auth;
mod bare;
mod config;
mod counters;
mod deliveries;
mod error;
mod hook_log;
mod http;
mod ids;
mod jit;
mod job;
mod jobs;
mod kinds;
mod limits;
mod manifests;
mod model;
mod pats;
mod random;
mod rest;
mod runner;
mod runners;
mod runs;
mod schedule;
mod scope;
mod sending;
mod session;
mod struck;
mod time;
mod versions;
mod webhook;
mod wire;
mod world;

pub use auth::{Access, Caller, InstallationToken, Permissions, RegistrationToken};
pub use config::{Assignment, Config, Faults, Limits, Timing};
pub use counters::{Count, Counters, Endpoint};
pub use deliveries::{Answer, Delivery, HookOwner, HookSettings, NewHook, Outgoing, signature};
pub use error::ApiError;
pub use hook_log::{DeliveryPage, ListedHook, LogOf};
pub use http::{JwtTimes, Reply, Request, Response};
pub use ids::{DeliveryId, HookId, JobId, RunnerId, SessionId};
pub use jit::ListenerCredentials;
pub use job::{Action, Conclusion, Fate, Fault, Gate, Job, NewJob, RunnerSeen, Status, Tamper};
pub use manifests::KeyPair;
pub use model::GithubModel;
pub use rest::{Jit, JitRequest, Page, TokenRegistration};
pub use runner::{Label, Presence, Runner};
pub use runs::Run;
pub use scope::Scope;
pub use session::{JobMessage, Message, SessionError};
pub use struck::FAULTS;
pub use time::rfc3339;
pub use versions::Deprecation;
pub use webhook::{JobEvent, Payload};
pub use world::{GroupVisibility, Repository, RunnerGroup, Visibility};

/// Milliseconds since the epoch, or since whatever a simulation starts at.
pub type Millis = u64;
