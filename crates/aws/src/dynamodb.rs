//! The ledger and the pace of mints in one DynamoDB table (`pk`, `sk`; local index `active` over `pk` and `active`; time to live by `expires`).

mod conditions;
#[cfg(test)]
mod emulator;
mod item;
mod ledger;
mod pace;
mod reads;

pub use ledger::DynamoLedger;
pub use pace::DynamoPace;

#[cfg(feature = "token-store")]
pub(crate) use item::{number, text};
