//! The commands, one module each: what is read, what follows from it (pure), and how it is told.

pub mod cost;
pub mod doctor;
pub mod drain;
pub mod fleets;
pub mod jobs;
pub mod logs;
pub mod redrive;
pub mod runners;
pub mod setup;
pub mod status;
pub mod why;
