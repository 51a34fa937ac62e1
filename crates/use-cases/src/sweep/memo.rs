//! What healers keep in mind from one sweep to the next. What cannot be read any more is as if it had never been kept: every healer may begin anew.

use super::{Ports, Sweep, SweepError};
use crate::ports::{Clock, Memory};
use fargate_runners_core::record::Version;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::time::Duration;

/// Longer than GitHub keeps deliveries and than the ledger keeps tombstones, so that nothing is taken up again that was settled.
const KEPT_FOR: Duration = Duration::from_secs(5 * 24 * 3600);

/// Something that was kept, with what is needed to keep it again.
pub(super) struct Memo<T> {
    healer: &'static str,
    subject: String,
    version: Version,
    read: Option<String>,
    /// What was kept, or its default.
    pub(super) value: T,
}

impl<P: Ports> Sweep<P> {
    pub(super) async fn recall<T: Default + DeserializeOwned>(&self, healer: &'static str, subject: &str) -> Result<Memo<T>, SweepError> {
        let (read, version) = self.memory.recall(healer, subject, self.clock.now()).await?;
        let value = read.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        Ok(Memo { healer, subject: subject.to_owned(), version, read, value })
    }

    /// Keeps it, if it has changed; fails if another sweep has kept something else in the meantime.
    pub(super) async fn keep<T: Default + PartialEq + Serialize>(&self, mut memo: Memo<T>) -> Result<(), SweepError> {
        self.keep_on(&mut memo).await
    }

    /// The same, for something that will be kept again.
    pub(super) async fn keep_on<T: Default + PartialEq + Serialize>(&self, memo: &mut Memo<T>) -> Result<(), SweepError> {
        let text = serde_json::to_string(&memo.value)?;
        let nothing_new = memo.read.as_ref().map_or(memo.value == T::default(), |read| *read == text);
        if nothing_new {
            return Ok(());
        }
        self.memory.keep(memo.healer, &memo.subject, &text, memo.version, self.clock.now() + KEPT_FOR).await?;
        (memo.version, memo.read) = (Version(memo.version.0 + 1), Some(text));
        Ok(())
    }
}
