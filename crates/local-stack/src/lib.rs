//! The local stack: servers around the two models, and what runs the tasks, so that the whole product works on one machine without an account.
//!
//! What it must never do: listen on anything but loopback, leave a process behind, or be linked into what is deployed.

pub mod aws;

pub mod ecs;

pub mod github;

pub mod line;

pub mod runner;

mod loopback;
