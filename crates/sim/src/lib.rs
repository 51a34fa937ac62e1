//! The use cases in a simulated world on virtual time.
//!
//! A story is made from one seed: jobs, fleets, people, and everything that may go wrong. It runs the very use cases that the functions run, and a model of the
//! start script, over the models of GitHub and of ECS and over a bus and queues that promise what AWS promises. The rules are checked after each thing that is
//! done; when the faults have ended and some time has passed, each job must have run and nothing may be left. The same seed tells the same story.
//!
//! It must never look at a real clock or draw a number that does not come from its seed.

pub mod book;
mod end;
pub mod engine;
pub mod faults;
mod functions;
mod host;
mod meter;
pub mod oracle;
mod people;
pub mod plan;
mod ports;
mod queues;
pub mod report;
mod runner;
pub mod scale;
pub mod scene;
mod script;
mod setting;
pub mod shrink;
pub mod story;
pub mod tale;
mod task_host;
mod world;
