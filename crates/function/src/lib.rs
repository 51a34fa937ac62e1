//! What every function wires around its use case: its environment, its log, its metrics, and the way a failure is told.
//!
//! A function's `main` is four steps: [`Runtime::start`], the variables it needs by [`Environment`], its adapters, and [`Runtime::serve`]. Nothing here
//! knows a use case or an adapter.

mod environment;
mod failure;
mod log;
mod metrics;
mod runtime;

pub use environment::{Environment, EnvironmentError};
pub use failure::{Failure, diagnostic};
pub use lambda_runtime::Context;
pub use runtime::{Runtime, StartError};
