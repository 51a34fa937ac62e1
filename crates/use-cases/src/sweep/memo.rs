//! What healers keep in mind from one sweep to the next. What cannot be read any more is as if it had never been kept: every healer may begin anew.
//!
//! All of it is read at once, when the first healer of a sweep asks. Nobody but a sweep writes it, and each write is on the condition that nothing was written
//! since: whatever must not be done twice is noted before it is done, so that of two sweeps at the same time one is refused before it acts.

use super::round::Round;
use super::{Ports, Sweep, SweepError};
use crate::ports::{Clock, Kept, Memory};
use fargate_runners_core::record::Version;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::time::Duration;

/// Longer than GitHub keeps deliveries and than the ledger keeps tombstones, so that nothing is taken up again that was settled.
const KEPT_FOR: Duration = Duration::from_secs(5 * 24 * 3600);

/// Everything that is kept, by healer and subject: as it was read, and what this sweep has kept since.
#[derive(Default)]
pub(super) struct Memos(BTreeMap<(String, String), (String, Version)>);

impl Memos {
    fn of(all: Vec<Kept>) -> Self {
        Self(all.into_iter().map(|kept| ((kept.healer, kept.subject), (kept.text, kept.version))).collect())
    }

    fn memo<T: Default + DeserializeOwned>(&self, healer: &'static str, subject: &str) -> Memo<T> {
        let found = self.0.get(&(healer.to_owned(), subject.to_owned())).cloned();
        let (read, version) = found.map_or((None, Version(0)), |(text, version)| (Some(text), version));
        let value = read.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        Memo { healer, subject: subject.to_owned(), version, read, value }
    }
}

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
    /// What was kept. Only the first question of a sweep is a call; one that fails is the asking healer's failure, and the next asks again.
    pub(super) async fn recall<T: Default + DeserializeOwned>(
        &self,
        round: &mut Round,
        healer: &'static str,
        subject: &str,
    ) -> Result<Memo<T>, SweepError> {
        let memos = match round.memos.take() {
            Some(memos) => memos,
            None => Memos::of(self.memory.recall_all(self.clock.now()).await?),
        };
        Ok(round.memos.insert(memos).memo(healer, subject))
    }

    /// Keeps it, if it has changed; fails if another sweep has kept something else in the meantime.
    pub(super) async fn keep<T: Default + PartialEq + Serialize>(&self, round: &mut Round, mut memo: Memo<T>) -> Result<(), SweepError> {
        self.keep_on(round, &mut memo).await
    }

    /// The same, for something that will be kept again.
    pub(super) async fn keep_on<T: Default + PartialEq + Serialize>(
        &self,
        round: &mut Round,
        memo: &mut Memo<T>,
    ) -> Result<(), SweepError> {
        let text = serde_json::to_string(&memo.value)?;
        let nothing_new = memo.read.as_ref().map_or(memo.value == T::default(), |read| *read == text);
        if nothing_new {
            return Ok(());
        }
        let memos = round.memos.take();
        // After a failure nobody knows what stands there: then nothing is put back, and who asks next reads anew.
        self.memory.keep(memo.healer, &memo.subject, &text, memo.version, self.clock.now() + KEPT_FOR).await?;
        memo.version = Version(memo.version.0 + 1);
        memo.read = Some(text.clone());
        round.memos = memos;
        if let Some(memos) = &mut round.memos {
            memos.0.insert((memo.healer.to_owned(), memo.subject.clone()), (text, memo.version));
        }
        Ok(())
    }
}
