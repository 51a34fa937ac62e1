//! The rules of fargate-runners, as data and functions from data to data.
//!
//! This crate never reads a clock, draws a random number, waits, or speaks to anything: time and names come in as arguments, decisions go out as
//! values. Its manifest keeps it so. `use-cases` carries the decisions out over ports.

pub mod apply;
pub mod delivery;
pub mod demand;
pub mod early_ends;
pub mod ecs_event;
pub mod events;
pub mod fleet;
pub mod hosting;
pub mod ids;
pub mod job;
pub mod labels;
pub mod mint_pace;
pub mod mutant;
pub mod names;
pub mod news;
pub mod plan;
pub mod record;
pub mod register;
pub mod shared;
pub mod signature;
pub mod state;
pub mod sweep;
pub mod task;
pub mod time;
