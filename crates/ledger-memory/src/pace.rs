//! The pace of mints in a map: windows of a fixed length, each with a count.

use crate::MemoryLedger;
use fargate_runners_core::ids::CredentialName;
use fargate_runners_core::mint_pace::{MINT_WINDOW, Mints, mint_window};
use fargate_runners_core::time::Timestamp;
use fargate_runners_use_cases::ports::{Asks, MintPace, PortError, Slot};
use std::collections::BTreeMap;

/// The pace of every credential that was ever minted with.
pub(crate) type Paces = BTreeMap<CredentialName, Pace>;

#[derive(Debug, Default)]
pub(crate) struct Pace {
    mints: Mints,
    not_before: Timestamp,
}

impl MintPace for MemoryLedger {
    async fn take_slot(&self, credential: &CredentialName, _: Asks, now: Timestamp) -> Result<Slot, PortError> {
        let mut held = self.held();
        let pace = held.paces.entry(credential.clone()).or_default();
        let window = mint_window(now);
        // A window that begins later than ours is another process's, whose clock is ahead: it is the one that counts.
        let ahead = if pace.mints.window > window { pace.mints.window + MINT_WINDOW } else { Timestamp::default() };
        let until = ahead.max(pace.not_before);
        if until > now {
            return Ok(Slot::NotBefore(until));
        }
        if pace.mints.window < window {
            pace.mints = pace.mints.begun(window);
        } else {
            pace.mints.asked += 1;
        }
        Ok(pace.mints.turn().map_or(Slot::Taken, Slot::NotBefore))
    }

    async fn hold(&self, credential: &CredentialName, until: Timestamp) -> Result<(), PortError> {
        let mut held = self.held();
        let pace = held.paces.entry(credential.clone()).or_default();
        pace.not_before = pace.not_before.max(until);
        Ok(())
    }
}
