//! What the healer decides: which losses there may be, and which of them are sure enough to be healed. Pure, like every rule; `use-cases` looks at the
//! world and carries the decisions out.

pub mod jobs;
pub mod look;
pub mod redelivery;
pub mod runners;
pub mod services;
pub mod tasks;
