//! The client against a server on loopback that plays GitHub's answers, good and bad.

mod failures;
mod hooks;
mod inquiry;
mod inquiry_job;
mod inquiry_stage;
mod look;
mod mints;
mod model;
mod port;
mod runners;
mod secrets;
mod server;
mod standing;
mod tokens;
mod world;
