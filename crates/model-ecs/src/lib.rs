//! ECS and Fargate as a pure state machine on virtual time.
//!
//! What it is for: the simulation drives it with invented time, the local stack with real time and real processes; both see the same ECS. It is faithful where
//! a runner fleet gets hurt: tasks that are slow to start, scale-in that picks the worst task it may, protection and its refusals, events that get lost, come
//! twice or in the wrong order, answers that never arrive, throttling, quotas, Spot.
//!
//! What it must never do: look at a clock, draw randomness from outside, do I/O, or share types with the project's adapters (a mistake there must not be
//! mirrored here). Everything comes in as arguments: the time, the JSON of a request, the reports of a host. Everything comes out as data: answers,
//! [`Command`]s for the host that runs the containers, and [`TaskEvent`]s.
//!
//! The same seed and the same calls give the same outcome.

mod api;
mod arn;
mod bucket;
mod config;
mod error;
mod event;
mod fargate;
mod import;
mod lifecycle;
mod model;
mod random;
mod scheduler;
mod service;
mod task;
mod time;

pub use config::{BlockedReading, Config, Faults, Limits, Rate, ScaleIn, Timing};
pub use error::AwsError;
pub use event::TaskEvent;
pub use model::{CallCount, Command, EcsModel, Report};
pub use service::{Cluster, Service, TaskDefinition};
pub use task::{Launch, Status, StopCode, Task};
