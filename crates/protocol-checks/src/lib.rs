//! The protocols of claims, leases and the single writer, checked exhaustively: every order of steps that the bounds of a check admit, with crashes,
//! repeats and lost answers between any two of them. The steps are not written down a second time: each is a question that the functions' own use case asks
//! of the world (`call`), over a ledger with the real semantics of versions and transactions (`ledger`). Only the world is a model: GitHub, ECS, the
//! queues, the start script, and time.

pub mod call;
pub mod cast;
pub mod check;
pub mod claim;
pub mod fleet;
pub mod lease;
pub mod ledger;
mod ports;
pub mod writer;
