//! An event on its way to the webhooks concerned, and what goes wrong on the way.

use std::sync::Arc;

use crate::Millis;
use crate::deliveries::{Delivery, Hook, HookOwner};
use crate::ids::{DeliveryId, HookId, JobId};
use crate::job::{Action, Fault, Job};
use crate::model::GithubModel;
use crate::webhook::{JobEvent, Payload};

/// For how long a delivery that shall come after the job's next one waits for it.
const HELD_LIMIT_MS: Millis = 120_000;
/// By how much it then comes later, so that it overtakes nothing even on a busy machine.
const HELD_GAP_MS: Millis = 500;

impl GithubModel {
    /// Tells the webhooks concerned what has become of a job.
    pub(crate) fn announce(&mut self, id: JobId, action: Action) {
        if self.post.muted {
            return;
        }
        self.prune_log();
        let Some(job) = self.jobs.get(&id) else { return };
        let faults = job.tampers.iter().filter(|tamper| tamper.action == action).map(|tamper| tamper.fault).collect::<Vec<_>>();
        let stale = action == Action::Queued && self.strikes("stale_runner", self.config.faults.stale_runner);
        let Some(job) = self.jobs.get(&id) else { return };
        let concerned = self.concerned(job);
        if concerned.is_empty() {
            return;
        }
        let Some(repository) = self.world.repository(&job.owner, &job.name).cloned() else { return };
        let organization = self.world.organization(&job.owner).map(|found| (found.id, found.login.clone()));
        let event = JobEvent { action, job: job.clone(), repository, organization, stale_runner: stale };
        let payload = Arc::new(Payload::Job(Box::new(event)));
        for (hook, installation) in concerned {
            self.send_with_faults(hook, installation, &payload, id, &faults);
        }
    }

    fn concerned(&self, job: &Job) -> Vec<(HookId, Option<u64>)> {
        let of = |hook: &Hook| match &hook.owner {
            _ if !hook.settings.active => None,
            HookOwner::App(app) => self.installation_of(*app, &job.owner).filter(|id| self.hears_of_jobs(*id)).map(Some),
            _ if !hook.settings.events.iter().any(|event| event == "workflow_job" || event == "*") => None,
            HookOwner::Organization(login) => login.eq_ignore_ascii_case(&job.owner).then_some(None),
            HookOwner::Repository(owner, name) => {
                (owner.eq_ignore_ascii_case(&job.owner) && name.eq_ignore_ascii_case(&job.name)).then_some(None)
            }
        };
        self.post.hooks.iter().filter_map(|(id, hook)| of(hook).map(|installation| (*id, installation))).collect()
    }

    fn send_with_faults(&mut self, hook: HookId, installation: Option<u64>, payload: &Arc<Payload>, job: JobId, asked: &[Fault]) {
        let guid: Arc<str> = self.random.uuid().into();
        let rates = self.config.faults.clone();
        let mut due = self.now + self.random.between(self.config.timing.delivery_ms);
        if self.strikes("delay", rates.delay) {
            due += self.random.between(rates.late_ms);
        }
        due += asked.iter().map(|fault| if let Fault::Delay(late) = fault { *late } else { 0 }).sum::<Millis>();
        let held = asked.contains(&Fault::AfterNext) || self.strikes("reorder", rates.reorder);
        for (when, earlier) in self.post.held.remove(&job).unwrap_or_default() {
            if self.post.due.remove(&(when, earlier)) {
                self.post.due.insert((due + HELD_GAP_MS, earlier));
            }
        }
        let sent_at = if held { self.now + HELD_LIMIT_MS } else { due };
        let id = self.dispatch(hook, Arc::clone(payload), Arc::clone(&guid), installation, false, sent_at);
        if held {
            self.post.held.entry(job).or_default().push((sent_at, id));
        }
        if asked.contains(&Fault::Lose)
            && let Some(delivery) = self.post.log.get_mut(&id)
        {
            delivery.lost = true;
        }
        if asked.contains(&Fault::Repeat) || self.strikes("repeat", rates.repeat) {
            let again = due + self.random.between(self.config.timing.delivery_ms) + self.random.between(rates.repeat_late_ms);
            self.dispatch(hook, Arc::clone(payload), guid, installation, false, again);
        }
    }

    pub(crate) fn dispatch(
        &mut self,
        hook: HookId,
        payload: Arc<Payload>,
        guid: Arc<str>,
        installation: Option<u64>,
        redelivery: bool,
        due: Millis,
    ) -> DeliveryId {
        let id = DeliveryId(self.new_id());
        let delivery = Delivery {
            id,
            guid,
            hook,
            payload,
            redelivery,
            created_at: self.now,
            delivered_at: None,
            answer: None,
            answer_body: String::new(),
            duration_ms: 0,
            installation,
            lost: self.strikes("lose", self.config.faults.lose),
            answer_lost: self.strikes("lose_answer", self.config.faults.lose_answer),
        };
        self.post.log.insert(id, delivery);
        self.post.due.insert((due, id));
        id
    }
}
