//! The use cases, one module a function, over a few narrow ports.
//!
//! A use case carries out what `fargate-runners-core` decides: it reads, lets the core decide, writes, and calls. The same code runs in Lambda, in the
//! local stack and in a simulation; it may be dropped at any `.await` and must then be repeatable. No adapter, no runtime and no clock stands in here.

pub mod deregister;
mod find;
pub mod inquiry;
mod measure;
pub mod ports;
pub mod register;
pub mod scale;
pub mod sweep;
pub mod webhook;
