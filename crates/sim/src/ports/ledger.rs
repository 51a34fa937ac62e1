//! The ledger, the mints' pace and the healers' memory.

use crate::faults::Fault;
use crate::host::Call;
use fargate_runners_core::ids::CredentialName;
use fargate_runners_core::job::JobEvent;
use fargate_runners_core::record::{Key, Version, Versioned, View, Write};
use fargate_runners_core::time::Timestamp;
use fargate_runners_use_cases::ports::{Asks, CommitError, Kept, Ledger, Memory, MintPace, Notes, PortError, Slot};
use std::cell::RefCell;
use std::collections::BTreeMap;

/// A text, its version, and until when it is kept.
type Stands = (String, u64, Timestamp);

/// What the healers keep in mind, by healer and subject.
#[derive(Default)]
pub struct Memories(RefCell<BTreeMap<(String, String), Stands>>);

impl Ledger for Call {
    async fn active(&self, empty: View, now: Timestamp) -> Result<View, PortError> {
        self.enter("reading a fleet's records").await?;
        let found = self.world().ledger.active(empty, now).await;
        if let Ok(view) = &found {
            self.reads(view);
            let world = self.world();
            let wait = world.meter.looks(self.function(), view.fleet(), &world.ledger, world.now());
            self.takes(wait).await;
        }
        self.leave("reading a fleet's records").await?;
        found
    }

    async fn read(&self, keys: &[Key], now: Timestamp) -> Result<Vec<Versioned>, PortError> {
        self.enter("reading records").await?;
        let found = self.world().ledger.read(keys, now).await;
        let wait = self.world().meter.reads(found.as_deref().unwrap_or_default(), self.world().now());
        self.takes(wait).await;
        self.leave("reading records").await?;
        found
    }

    async fn commit(&self, writes: &[Write], now: Timestamp) -> Result<(), CommitError> {
        if writes.is_empty() {
            return Ok(());
        }
        self.enter("writing records").await?;
        if self.world().strikes(Fault::CommitRaced) {
            return Err(CommitError::Conflict);
        }
        let wait = self.world().meter.writes(self.function(), writes, self.world().now());
        self.takes(wait).await;
        let written = self.world().ledger.commit(writes, now).await;
        if written.is_ok() {
            self.world().oracle.committed(self, writes);
        }
        self.leave("writing records").await?;
        written
    }
}

impl Notes for Call {
    async fn note(&self, job: &JobEvent) -> Result<bool, PortError> {
        self.enter("noting a job's progress").await?;
        let noted = self.world().ledger.note(job).await;
        if let Ok(true) = noted {
            self.tell(|| format!("notes {:?} of job {}", job.phase, job.job_id));
            let wait = self.world().meter.notes(job, self.world().now());
            self.takes(wait).await;
        }
        self.leave("noting a job's progress").await?;
        noted
    }
}

impl MintPace for Call {
    async fn take_slot(&self, credential: &CredentialName, asks: Asks, now: Timestamp) -> Result<Slot, PortError> {
        self.enter("taking a mint slot").await?;
        let slot = self.world().ledger.take_slot(credential, asks, now).await;
        self.leave("taking a mint slot").await?;
        slot
    }

    async fn hold(&self, credential: &CredentialName, until: Timestamp) -> Result<(), PortError> {
        self.enter("holding a credential").await?;
        self.world().ledger.hold(credential, until).await
    }
}

impl Memory for Call {
    async fn recall_all(&self, now: Timestamp) -> Result<Vec<Kept>, PortError> {
        self.enter("recalling").await?;
        let memories = self.world().memories.0.borrow();
        let kept = memories.iter().filter(|(_, (.., expires))| *expires > now).map(|((healer, subject), (text, version, _))| Kept {
            healer: healer.clone(),
            subject: subject.clone(),
            text: text.clone(),
            version: Version(*version),
        });
        Ok(kept.collect())
    }

    async fn keep(&self, healer: &str, subject: &str, text: &str, read: Version, expires: Timestamp) -> Result<(), CommitError> {
        self.enter("keeping in mind").await?;
        {
            let now = self.world().time();
            let mut memories = self.world().memories.0.borrow_mut();
            let key = (healer.to_owned(), subject.to_owned());
            let stands = memories.get(&key).filter(|(.., expires)| *expires > now).map_or(0, |(_, version, _)| *version);
            if stands != read.0 {
                return Err(CommitError::Conflict);
            }
            memories.insert(key, (text.to_owned(), stands + 1, expires));
        }
        Ok(self.leave("keeping in mind").await?)
    }
}
