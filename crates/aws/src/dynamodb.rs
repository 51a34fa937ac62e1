//! The ledger, the pace of mints and what healers keep in mind, in one DynamoDB table (`pk`, `sk`; no index; time to live by
//! `expires`).

mod conditions;
#[cfg(test)]
mod emulator;
mod history;
mod item;
mod ledger;
mod memory;
mod notes;
mod pace;
mod reads;
mod steps;

pub use history::{History, Kind};
pub use ledger::DynamoLedger;
pub use memory::DynamoMemory;
pub use pace::DynamoPace;

#[cfg(feature = "token-store")]
pub(crate) use item::{number, text};
