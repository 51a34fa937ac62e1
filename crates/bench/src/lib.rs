//! What a single function costs: from its start to its first answer, in a warm call, and in memory. `docs/performance.md` says what each number means.
//!
//! The functions run as they are deployed, each a process of its own, against a Runtime API and endpoints of this program on loopback. What it must never
//! do: reach anything beyond loopback, count its own work as the function's where it can tell them apart, or judge a time in a test.

mod arguments;
mod calls;
mod compare;
mod cpu;
mod http;
mod instructions;
mod life;
mod problem;
mod results;
mod run;
mod runtime_api;
mod show;
mod statistics;
mod subject;
mod tried;
mod world;

pub use arguments::Arguments;
pub use calls::{Call, counted};
pub use life::{Invocation, Life, Plan, live};
pub use problem::Problem;
pub use results::{Results, Spread, Summary};
pub use run::run;
pub use subject::{FUNCTIONS, Given, HELLO, Other, Subject};
pub use tried::Tried;
pub use world::{Before, World};
