//! Searches the delivery logs for what was delivered of one job. A log does not say which job a delivery is about; the delivery itself does. So the log is
//! read back to the job's beginning, and those deliveries are looked into that come nearest to what has happened to the job.

use super::budget::Budget;
use super::{CredentialKind, Delivery, Failure, Inquire, JobAnswer, Search, ShownJob};
use crate::ports::{Clock, DeliveryLog, Fleets, Hook, LogEntry, Shown, Standing};
use fargate_runners_core::fleet::Fleet;
use fargate_runners_core::ids::JobId;
use fargate_runners_core::sweep::redelivery::LOG_KEPT;
use fargate_runners_core::time::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Pages of a log that are read, 100 deliveries on each.
const PAGES_MAX: usize = 30;

/// Deliveries of a log that are looked into: each is a call.
const LOOKED_INTO_MAX: u32 = 40;

/// A delivery may bear an earlier time than its job: both are in whole seconds, and of different machines.
const BEFORE: Duration = Duration::from_secs(60);

/// The only event that is about jobs.
const EVENT: &str = "workflow_job";

impl<G: Standing + Shown + DeliveryLog, F: Fleets, C: Clock> Inquire<'_, G, F, C> {
    /// Searches the log of each webhook that delivers for these ways.
    pub(super) async fn search(&self, ways: &[Vec<&Fleet>], answer: &mut JobAnswer, budget: &mut Budget<'_, C>) {
        let (mut hooks, mut apps): (Vec<Hook>, BTreeSet<_>) = (Vec::new(), BTreeSet::new());
        for fleet in ways.iter().map(|way| way[0]) {
            let found = match self.github.kind(fleet).await {
                Ok(CredentialKind::App) if apps.insert((&fleet.api_url, &fleet.credential)) => Ok(vec![Hook::of(fleet, None)]),
                Ok(CredentialKind::App) => Ok(Vec::new()),
                Ok(_) => self.own_hooks(fleet, budget).await,
                Err(failure) => Err(failure),
            };
            match found {
                Ok(found) => hooks.extend(found),
                Err(failure) => {
                    answer.searches_failed.get_or_insert(failure);
                }
            }
        }
        let mut known = BTreeSet::new();
        hooks.retain(|hook| known.insert((hook.fleet.api_url.clone(), hook.key.clone())));
        for hook in &hooks {
            let search = self.search_log(hook, answer, budget).await;
            answer.searches.push(search);
        }
    }

    async fn own_hooks(&self, fleet: &Fleet, budget: &mut Budget<'_, C>) -> Result<Vec<Hook>, Failure> {
        let listed = budget.ask(self.github.webhooks(fleet)).await?;
        let ours = listed.into_iter().filter(|webhook| webhook.config.answer().is_some_and(|config| config.leads_here));
        Ok(ours.map(|webhook| Hook::of(fleet, webhook.id)).collect())
    }

    async fn search_log(&self, hook: &Hook, answer: &JobAnswer, budget: &mut Budget<'_, C>) -> Search {
        let job = answer.job.answer();
        let repository = answer.shown_repository.answer().map(|repository| repository.id);
        let mut search = Search { webhook: hook.key.clone(), ..Search::default() };
        let begins = job.and_then(|job| job.created_at).unwrap_or_default() - BEFORE;
        let begins = begins.max(self.clock.now() - LOG_KEPT);
        let (entries, read_all) = self.read_log(hook, begins, &mut search, budget).await;
        let is_candidate =
            |entry: &LogEntry| entry.delivery.event == EVENT && entry.repository_id.zip(repository).is_none_or(|(one, other)| one == other);
        let groups = by_guid(entries.into_iter().filter(is_candidate).map(|entry| entry.delivery));
        let looked_into_all = self.look_for(hook, JobId(answer.job_id), in_order(groups, job), &mut search, budget).await;
        search.complete = read_all && looked_into_all;
        search.deliveries.sort_by_key(|delivery| (delivery.delivered_at, delivery.id));
        search
    }

    /// The log back to `begins`, and whether it was read so far.
    async fn read_log(&self, hook: &Hook, begins: Timestamp, search: &mut Search, budget: &mut Budget<'_, C>) -> (Vec<LogEntry>, bool) {
        let (mut entries, mut cursor): (Vec<LogEntry>, Option<String>) = (Vec::new(), None);
        for _ in 0..PAGES_MAX {
            let page = match budget.ask(self.github.log_page(hook, cursor.as_deref())).await {
                Ok(page) => page,
                Err(failure) => {
                    search.failure = Some(failure);
                    return (entries, false);
                }
            };
            let oldest = page.entries.last().map(|entry| entry.delivery.delivered_at);
            entries.extend(page.entries.into_iter().filter(|entry| entry.delivery.delivered_at >= begins));
            cursor = page.next;
            if cursor.is_none() || oldest.is_none_or(|oldest| oldest < begins) {
                search.read_back_to = Some(begins);
                return (entries, true);
            }
            search.read_back_to = oldest;
        }
        (entries, false)
    }

    /// Looks into deliveries until each action of the job is found; whether all were looked into that might be the job's.
    async fn look_for(&self, hook: &Hook, job: JobId, groups: Vec<Vec<Delivery>>, search: &mut Search, budget: &mut Budget<'_, C>) -> bool {
        let mut found = BTreeSet::new();
        for mut attempts in groups {
            let Some(newest) = attempts.first_mut() else { continue };
            // Each thing that happens to a job is delivered once, however often it is attempted.
            if found.contains(&newest.action) {
                continue;
            }
            if search.looked_into == LOOKED_INTO_MAX {
                return false;
            }
            search.looked_into += 1;
            match budget.ask(self.github.look_into(hook, newest.id)).await {
                Ok(seen) if seen.job == Some(job) => {
                    newest.answer = Some(Ok(seen.answer).into());
                    found.insert(newest.action.clone());
                }
                Ok(_) => continue,
                Err(failure) => {
                    search.failure = Some(failure);
                    return false;
                }
            }
            for older in attempts.iter_mut().skip(1).filter(|attempt| !attempt.ok) {
                let looked_into = budget.ask(self.github.look_into(hook, older.id)).await;
                older.answer = Some(looked_into.map(|seen| seen.answer).into());
            }
            search.deliveries.extend(attempts);
        }
        true
    }
}

/// The attempts of each delivery, the newest first.
fn by_guid(deliveries: impl Iterator<Item = Delivery>) -> Vec<Vec<Delivery>> {
    let mut groups: BTreeMap<String, Vec<Delivery>> = BTreeMap::new();
    for delivery in deliveries {
        groups.entry(delivery.guid.clone()).or_default().push(delivery);
    }
    let mut groups: Vec<_> = groups.into_values().collect();
    for attempts in &mut groups {
        attempts.sort_by_key(|attempt| std::cmp::Reverse((attempt.delivered_at, attempt.id)));
    }
    groups
}

/// Those first whose first attempt is nearest to when that happened to the job which they tell of. What has not happened to it cannot be told of; of a job
/// that GitHub does not show, the newest come first.
fn in_order(groups: Vec<Vec<Delivery>>, job: Option<&ShownJob>) -> Vec<Vec<Delivery>> {
    let mut ranked: Vec<(Duration, Vec<Delivery>)> = Vec::new();
    for attempts in groups {
        let Some(first) = attempts.last() else { continue };
        let happened = match (job, first.action.as_deref()) {
            (None, _) => Some(Timestamp::from_millis(u64::MAX)),
            (Some(job), Some("in_progress")) => job.started_at,
            (Some(job), Some("completed")) => job.completed_at,
            (Some(job), _) => job.created_at,
        };
        if let Some(happened) = happened {
            ranked.push((happened.since(first.delivered_at).max(first.delivered_at.since(happened)), attempts));
        }
    }
    ranked.sort_by_key(|(distance, _)| *distance);
    ranked.into_iter().map(|(_, attempts)| attempts).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt(id: u64, guid: &str, action: &str, at: u64) -> Delivery {
        Delivery {
            id,
            guid: guid.to_owned(),
            action: Some(action.to_owned()),
            delivered_at: Timestamp::from_secs(at),
            ..Delivery::default()
        }
    }

    fn order(deliveries: Vec<Delivery>, job: Option<&ShownJob>) -> Vec<Vec<u64>> {
        let groups = in_order(by_guid(deliveries.into_iter()), job);
        groups.into_iter().map(|attempts| attempts.into_iter().map(|attempt| attempt.id).collect()).collect()
    }

    #[test]
    fn the_nearest_to_what_has_happened_come_first_and_what_has_not_is_left_out() {
        let at = Timestamp::from_secs;
        let job = ShownJob { created_at: Some(at(100)), started_at: Some(at(200)), ..ShownJob::default() };
        let log = || {
            vec![
                attempt(1, "a", "queued", 130),
                attempt(2, "b", "queued", 102),
                attempt(9, "b", "queued", 900),
                attempt(3, "c", "in_progress", 201),
                attempt(4, "d", "completed", 100),
            ]
        };
        assert_eq!(order(log(), Some(&job)), [vec![3], vec![9, 2], vec![1]]);
        assert_eq!(order(log(), None), [vec![3], vec![1], vec![9, 2], vec![4]], "nothing is known: the newest first");
    }
}
