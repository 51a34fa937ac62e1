//! Webhook deliveries that failed: GitHub is asked to deliver them once more. It keeps them for 3 days and never repeats one by itself.

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

impl<P: Ports> Sweep<P> {
    pub(super) async fn deliveries(&self, round: &Round, outcome: &mut Outcome) {
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

    async fn deliveries_of(&self, hook: &Hook, round: &Round, outcome: &mut Outcome) -> Result<(), SweepError> {
        let mut memo = self.recall::<Book>(Healer::Deliveries.name(), &hook.key).await?;
        let book = &mut memo.value;
        let read = self.read_log(hook, book, round).await;
        for guid in book.tidy(self.clock.now()) {
            metrics::counter!("DeliveriesGivenUp").increment(1);
            tracing::error!(hook = hook.key, guid, "a webhook delivery fails again and again; it is given up");
        }
        let redelivered = self.redeliver_due(hook, book, outcome).await;
        self.keep(memo).await?;
        read.and(redelivered)
    }

    /// Reads the log from its newest page, then what earlier sweeps left out. What was read before a failure counts.
    async fn read_log(&self, hook: &Hook, book: &mut Book, round: &Round) -> Result<(), SweepError> {
        let mut pages = NEW_PAGES_MAX;
        let mut reading = book.begin(self.clock.now());
        let (next, read) = self.read_pages(hook, book, &mut reading, None, &mut pages, round).await;
        if pages == NEW_PAGES_MAX {
            return read;
        }
        book.end(&reading, next, self.clock.now());
        read?;
        let mut pages = OLD_PAGES_MAX;
        while pages > 0
            && !self.is_late(round)
            && let Some((cursor, mut reading)) = book.begin_gap(self.clock.now())
        {
            let before = pages;
            let (next, read) = self.read_pages(hook, book, &mut reading, Some(cursor), &mut pages, round).await;
            match &read {
                Err(SweepError::Github(GithubError::Failed(PortError { retry: Retry::Never, .. }))) if pages == before => book.lose_gap(),
                _ => book.end_gap(next),
            }
            read?;
            if book.is_full() {
                break;
            }
        }
        Ok(())
    }

    /// Reads until there is nothing new, or the calls are used up. Returns where to go on, if it did not get to the end.
    async fn read_pages(
        &self,
        hook: &Hook,
        book: &mut Book,
        reading: &mut Reading,
        mut cursor: Option<String>,
        pages: &mut usize,
        round: &Round,
    ) -> (Option<String>, Result<(), SweepError>) {
        while *pages > 0 && !self.is_late(round) {
            let DeliveryPage { deliveries, next } = match self.github.deliveries(hook, cursor.as_deref()).await {
                Ok(page) => page,
                Err(error) => return (cursor, Err(error.into())),
            };
            *pages -= 1;
            let attempts =
                deliveries.iter().map(|seen| Attempt { id: seen.id, guid: &seen.guid, at: seen.at, ok: seen.ok, event: &seen.event });
            let goes_on = book.take(reading, attempts, self.clock.now());
            cursor = next;
            if !goes_on || cursor.is_none() {
                return (None, Ok(()));
            }
        }
        (cursor, Ok(()))
    }

    async fn redeliver_due(&self, hook: &Hook, book: &mut Book, outcome: &mut Outcome) -> Result<(), SweepError> {
        for (guid, attempt) in book.due(self.clock.now()).into_iter().take(REDELIVERIES_MAX) {
            match self.github.redeliver(hook, attempt).await.map_err(SweepError::from) {
                Err(error) if error.is_rate_limit() => return Err(error),
                Err(error) => outcome.failed(Healer::Deliveries, format!("delivery {guid}"), &error),
                Ok(()) => {
                    tracing::warn!(hook = hook.key, guid, "a webhook delivery has failed; GitHub is asked to deliver it once more");
                    outcome.healed();
                }
            }
            book.tried(&guid, self.clock.now());
        }
        Ok(())
    }
}
