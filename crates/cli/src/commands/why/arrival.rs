//! Why the ledger does not have a job: how far it came on its way from GitHub. Nothing here is about runners.

use super::cause::Cause;
use super::evidence::Evidence;
use crate::words;
use fargate_runners_core::fleet::Fleet;
use fargate_runners_core::ids::FleetName;
use fargate_runners_core::labels::{Label, Labels, fleet_of};
use fargate_runners_use_cases::inquiry::{Delivery, Failure, FailureKind, JobAnswer};

/// How the webhook's answer begins when it has published what a delivery tells of.
pub const PUBLISHED: &str = "published";

/// How it begins when it has not, and GitHub counts the delivery as a success all the same: no fleet has the labels, or the repository is public.
pub const DROPPED: [&str; 2] = ["nothing to do", "refused"];

/// Where it has got stuck.
pub fn of(evidence: &Evidence) -> Cause {
    let Some(answer) = evidence.answer() else { return unreadable(evidence).unwrap_or(Cause::Nowhere) };
    let fleets = evidence.in_scope();
    if fleets.is_empty() {
        return unreadable(evidence).unwrap_or_else(|| Cause::NoScope { repository: answer.repository.clone() });
    }
    let Some(labels) = evidence.labels().filter(|_| evidence.shown().is_some() || evidence.record().is_some()) else {
        return not_shown(&answer.repository, answer.job.failure());
    };
    let public = answer.shown_repository.answer().is_some_and(|repository| repository.is_public);
    let fit = |fleets: &[&Fleet]| fleet_of(&labels, fleets.iter().map(|fleet| (&fleet.name, &fleet.labels))).cloned();
    let admitting: Vec<&Fleet> = fleets.iter().copied().filter(|fleet| fleet.allow_public_repositories || !public).collect();
    match (fit(&admitting), fit(&fleets)) {
        (Some(fleet), _) => delivered(evidence, answer, &fleet),
        (None, Some(fleet)) => Cause::PublicRefused { fleet: fleet.to_string() },
        (None, None) => no_fleet(evidence, &labels, &fleets),
    }
}

/// The fleets of which nobody can tell whether the job is theirs, if there are any. Whoever asks has found no other that it fits.
pub fn unreadable(evidence: &Evidence) -> Option<Cause> {
    (!evidence.unreadable.is_empty()).then(|| Cause::FleetUnreadable { unreadable: evidence.unreadable.clone(), certain: false })
}

/// What became of its delivery. A fleet has its labels now.
fn delivered(evidence: &Evidence, answer: &JobAnswer, fleet: &FleetName) -> Cause {
    let searched = answer.searches.iter();
    let mut deliveries: Vec<(&str, &Delivery)> =
        searched.flat_map(|search| search.deliveries.iter().map(move |delivery| (search.webhook.as_str(), delivery))).collect();
    deliveries.sort_by_key(|(_, delivery)| (delivery.delivered_at, delivery.id));
    let is_queued = |of: &&(&str, &Delivery)| of.1.action.as_deref() == Some("queued");
    let is_published = |of: &&(&str, &Delivery)| is_queued(of) && of.1.ok && said(of.1).is_some_and(|said| said.starts_with(PUBLISHED));
    let newest = || deliveries.iter().rfind(is_queued).or(deliveries.last());
    // Several webhooks may tell of it, and each of them several times: one that was published is enough.
    let telling = deliveries.iter().rfind(is_published).or_else(newest);
    let Some((webhook, delivery)) = telling else {
        return Cause::NoDelivery { searched_all: !answer.searches.is_empty() && answer.searches.iter().all(|search| search.complete) };
    };
    let told = said(delivery);
    if !delivery.ok {
        let said = told.filter(|said| !said.is_empty()).unwrap_or(&delivery.status);
        return Cause::DeliveryFailed { status: delivery.status_code, said: said.to_owned() };
    }
    match told.filter(|said| DROPPED.iter().any(|dropped| said.starts_with(dropped))) {
        Some(said) => Cause::Dropped {
            fleet: fleet.to_string(),
            said: said.to_owned(),
            at: words::utc(delivery.delivered_at),
            webhook: (*webhook).to_owned(),
            delivery: delivery.guid.clone(),
        },
        None => Cause::Published {
            minutes: evidence.now.since(delivery.delivered_at).as_secs() / 60,
            said: evidence.complaint("scale", |complaint| complaint.is_of(fleet.as_str())),
        },
    }
}

/// What the webhook answered, where that is known.
fn said(delivery: &Delivery) -> Option<&str> {
    delivery.answer.as_ref()?.answer().map(String::as_str)
}

/// GitHub did not show the job.
fn not_shown(repository: &str, failure: Option<&Failure>) -> Cause {
    match failure {
        None => Cause::Nowhere,
        Some(failure) if failure.kind == FailureKind::NotFound => {
            Cause::NotVisible { repository: repository.to_owned(), needed: failure.needed.clone() }
        }
        Some(failure) => Cause::CannotAsk { said: failure.message.clone() },
    }
}

/// The fleet that lacks the fewest labels of the job, and which; unless another one may have all of them that cannot be read.
pub fn no_fleet(evidence: &Evidence, labels: &Labels, fleets: &[&Fleet]) -> Cause {
    if let Some(cause) = unreadable(evidence) {
        return cause;
    }
    let lacks = |fleet: &Fleet| -> Vec<String> {
        let has: Vec<&str> = fleet.labels.iter().map(Label::as_str).collect();
        labels.iter().map(Label::as_str).filter(|label| !has.contains(label)).map(str::to_owned).collect()
    };
    let nearest = fleets
        .iter()
        .map(|fleet| (lacks(fleet), fleet.labels.len(), fleet.name.to_string()))
        .min_by_key(|(lacks, size, name)| (lacks.len(), *size, name.clone()));
    let (lacks, nearest) = nearest.map_or((Vec::new(), None), |(lacks, _, name)| (lacks, Some(name)));
    Cause::NoFleet { labels: labels.to_string(), nearest, lacks }
}
