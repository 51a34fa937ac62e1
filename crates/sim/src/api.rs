//! A task's way to the control plane, for those who play a task.

pub use crate::functions::{ApiAnswer, ApiCall, api as call};
