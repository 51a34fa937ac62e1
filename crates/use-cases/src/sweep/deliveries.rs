//! Webhook deliveries that failed: GitHub is asked to deliver them once more. It keeps them for 3 days and never repeats one by itself.

use super::memo::Memo;
use super::round::Round;
use super::{Healer, Outcome, Ports, Sweep, SweepError};
use crate::ports::{Clock, DeliveryPage, GithubError, Hook, HookLog, PortError, Retry};
use fargate_runners_core::sweep::redelivery::{Attempt, Book, Reading};

/// Pages of a log that are read from its newest end in one sweep. What they do not reach is read in later sweeps.
const NEW_PAGES_MAX: usize = 12;

/// Pages that are read of what earlier sweeps left out: however much is new, they get on.
const OLD_PAGES_MAX: usize = 8;

/// Redeliveries for a hook in one sweep: each is a write, and what is delivered must be dealt with as well.
const REDELIVERIES_MAX: usize = 50;

/// So many are noted as tried before GitHub is asked for them: if the function dies then, no more than these have lost one of their tries.
const NOTED_AT_ONCE: usize = 10;

/// How far a log was read.
enum Read {
    /// To where it was to be read.
    ToItsEnd,
    /// Not the page at this cursor, nor what comes after it; `None` stands for the newest page.
    Before(Option<String>),
}

impl<P: Ports> Sweep<P> {
    pub(super) async fn deliveries(&self, round: &mut Round, outcome: &mut Outcome) {
        let hooks = match self.github.hooks(&round.fleets()).await {
            Ok(hooks) => hooks,
            Err(error) => return outcome.failed(Healer::Deliveries, "the hooks", &error),
        };
        for hook in &hooks {
            if self.is_late(round) {
                return;
            }
            if let Err(error) = self.deliveries_of(hook, round, outcome).await {
                outcome.failed(Healer::Deliveries, &hook.key, &error);
            }
        }
    }

    async fn deliveries_of(&self, hook: &Hook, round: &mut Round, outcome: &mut Outcome) -> Result<(), SweepError> {
        let mut memo = self.recall::<Book>(round, Healer::Deliveries.name(), &hook.key).await?;
        let read = self.read_log(hook, &mut memo.value, round).await;
        for guid in memo.value.tidy(self.clock.now()) {
            metrics::counter!("DeliveriesGivenUp").increment(1);
            tracing::error!(hook = hook.key, guid, "a webhook delivery fails again and again; it is given up");
        }
        let redelivered = self.redeliver_due(hook, &mut memo, round, outcome).await;
        self.keep(round, memo).await?;
        read.and(redelivered)
    }

    /// Reads the log from its newest page, then what earlier sweeps left out. What was read before a failure counts.
    async fn read_log(&self, hook: &Hook, book: &mut Book, round: &Round) -> Result<(), SweepError> {
        let mut pages = NEW_PAGES_MAX;
        let mut reading = book.begin(self.clock.now());
        let (how_far, read) = self.read_pages(hook, book, &mut reading, None, &mut pages, round).await;
        match how_far {
            Read::Before(None) => return read,
            Read::Before(next) => book.end(&reading, next, self.clock.now()),
            Read::ToItsEnd => book.end(&reading, None, self.clock.now()),
        }
        read?;
        let mut pages = OLD_PAGES_MAX;
        while pages > 0
            && !self.is_late(round)
            && !book.is_full()
            && let Some((cursor, mut reading)) = book.begin_gap(self.clock.now())
        {
            let before = pages;
            let (how_far, read) = self.read_pages(hook, book, &mut reading, Some(cursor), &mut pages, round).await;
            match (how_far, &read) {
                (_, Err(SweepError::Github(GithubError::Failed(PortError { retry: Retry::Never, .. })))) if pages == before => {
                    book.lose_gap();
                }
                (Read::Before(next), _) => book.end_gap(next),
                (Read::ToItsEnd, _) => book.end_gap(None),
            }
            read?;
        }
        Ok(())
    }

    /// Reads until there is nothing new, or the calls are used up: also where there is no room for more failures, to learn of those that have succeeded since.
    async fn read_pages(
        &self,
        hook: &Hook,
        book: &mut Book,
        reading: &mut Reading,
        mut cursor: Option<String>,
        pages: &mut usize,
        round: &Round,
    ) -> (Read, Result<(), SweepError>) {
        let mut not_noted = None;
        let how_far = |not_noted: Option<Option<String>>, otherwise: Read| not_noted.map_or(otherwise, Read::Before);
        while *pages > 0 && !self.is_late(round) {
            let DeliveryPage { deliveries, next } = match self.github.deliveries(hook, cursor.as_deref()).await {
                Ok(page) => page,
                Err(error) => return (how_far(not_noted, Read::Before(cursor)), Err(error.into())),
            };
            *pages -= 1;
            let attempts =
                deliveries.iter().map(|seen| Attempt { id: seen.id, guid: &seen.guid, at: seen.at, ok: seen.ok, event: &seen.event });
            let taken = book.take(reading, attempts, self.clock.now());
            if !taken.is_noted {
                not_noted.get_or_insert_with(|| cursor.clone());
            }
            if !taken.goes_on || next.is_none() {
                return (how_far(not_noted, Read::ToItsEnd), Ok(()));
            }
            cursor = next;
        }
        (how_far(not_noted, Read::Before(cursor)), Ok(()))
    }

    async fn redeliver_due(&self, hook: &Hook, memo: &mut Memo<Book>, round: &mut Round, outcome: &mut Outcome) -> Result<(), SweepError> {
        let due: Vec<(String, u64)> = memo.value.due(self.clock.now()).into_iter().take(REDELIVERIES_MAX).collect();
        for some in due.chunks(NOTED_AT_ONCE) {
            for (guid, _) in some {
                memo.value.tried(guid, self.clock.now());
            }
            self.keep_on(round, memo).await?;
            for (position, (guid, attempt)) in some.iter().enumerate() {
                let asked = if self.is_late(round) { None } else { Some(self.redeliver(hook, guid, *attempt, outcome).await) };
                if let Some(Ok(())) = asked {
                    continue;
                }
                for (guid, _) in &some[position..] {
                    memo.value.not_tried(guid, self.clock.now());
                }
                return asked.unwrap_or(Ok(()));
            }
        }
        Ok(())
    }

    /// Asks for one. An error means that there is no use in asking for others now.
    async fn redeliver(&self, hook: &Hook, guid: &str, attempt: u64, outcome: &mut Outcome) -> Result<(), SweepError> {
        match self.github.redeliver(hook, attempt).await.map_err(SweepError::from) {
            Err(error) if error.is_rate_limit() => return Err(error),
            Err(error) => outcome.failed(Healer::Deliveries, format!("delivery {guid}"), &error),
            Ok(()) => {
                tracing::warn!(hook = hook.key, guid, "a webhook delivery has failed; GitHub is asked to deliver it once more");
                outcome.healed();
            }
        }
        Ok(())
    }
}
