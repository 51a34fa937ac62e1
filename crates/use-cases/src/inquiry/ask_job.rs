//! Asks what GitHub knows of a job: as far as possible by the first credential that may see it, and of each fleet that could serve it.

use super::ask_github::ways;
use super::budget::Budget;
use super::{Admission, Candidate, Failure, FailureKind, Inquire, JobAnswer, Part, RunnerGroup, ShownRepository};
use crate::ports::{Clock, DeliveryLog, FleetList, Fleets, Shown, Standing};
use fargate_runners_core::fleet::{Fleet, Scope};
use fargate_runners_core::ids::{JobId, RepositoryName};

/// Pages of a group's selected repositories that are read, 100 on each: what is not on them cannot be told.
const MEMBER_PAGES_MAX: u32 = 20;

impl<G: Standing + Shown + DeliveryLog, F: Fleets, C: Clock> Inquire<'_, G, F, C> {
    pub(super) async fn job(&self, list: &FleetList, repository: &RepositoryName, job: JobId) -> JobAnswer {
        let mut budget = Budget::new(self.clock);
        let reaching: Vec<&Fleet> = list.fleets.iter().filter(|fleet| reaches(&fleet.scope, repository)).collect();
        let ways = ways(reaching.iter().copied());
        let mut answer =
            JobAnswer { asked_at: self.clock.now(), repository: repository.to_string(), job_id: job.0, ..JobAnswer::default() };
        if ways.is_empty() {
            let failure =
                Failure::new(FailureKind::Other, format!("no fleet's scope reaches {repository}, so that no credential can be asked with"));
            (answer.job, answer.shown_repository) = (Part::Failed(failure.clone()), Part::Failed(failure));
            return answer;
        }
        let (mut shown_job, mut shown_repository) = (None, None);
        for fleet in ways.iter().map(|way| way[0]) {
            if !matches!(shown_job, Some(Ok(_))) {
                keep_better(&mut shown_job, budget.ask(self.github.shown_job(fleet, repository, job)).await);
            }
            if !matches!(shown_repository, Some(Ok(_))) {
                keep_better(&mut shown_repository, budget.ask(self.github.shown_repository(fleet, repository)).await);
            }
        }
        answer.job = shown_job.map(Part::from).unwrap_or_default();
        answer.shown_repository = shown_repository.map(Part::from).unwrap_or_default();
        answer.fleets = self.candidates(&reaching, repository, answer.shown_repository.answer(), &mut budget).await;
        self.search(&ways, &mut answer, &mut budget).await;
        answer
    }

    async fn candidates(
        &self,
        reaching: &[&Fleet],
        repository: &RepositoryName,
        shown: Option<&ShownRepository>,
        budget: &mut Budget<'_, C>,
    ) -> Vec<Candidate> {
        let mut candidates = Vec::new();
        // Fleets of one way and group share what is said of it.
        let mut known: Vec<(&Fleet, Part<RunnerGroup>, Part<Admission>)> = Vec::new();
        for fleet in reaching {
            let of =
                |group, admission| Candidate { fleet: fleet.name.to_string(), runner_group_id: fleet.runner_group_id, group, admission };
            if matches!(fleet.scope, Scope::Repository(_)) {
                candidates.push(of(None, Part::Answer(Admission::Admitted)));
                continue;
            }
            let same = |other: &Fleet| {
                (&other.api_url, &other.scope, &other.credential, other.runner_group_id)
                    == (&fleet.api_url, &fleet.scope, &fleet.credential, fleet.runner_group_id)
            };
            if let Some((_, group, admission)) = known.iter().find(|(other, ..)| same(other)) {
                candidates.push(of(Some(group.clone()), admission.clone()));
                continue;
            }
            let group: Part<RunnerGroup> = budget.ask(self.github.runner_group(fleet)).await.into();
            let admission = match &group {
                Part::Answer(found) => self.admission(fleet, found, repository, shown, budget).await.into(),
                Part::Failed(failure) => Part::Failed(failure.clone()),
            };
            known.push((fleet, group.clone(), admission.clone()));
            candidates.push(of(Some(group), admission));
        }
        candidates
    }

    async fn admission(
        &self,
        fleet: &Fleet,
        group: &RunnerGroup,
        repository: &RepositoryName,
        shown: Option<&ShownRepository>,
        budget: &mut Budget<'_, C>,
    ) -> Result<Admission, Failure> {
        let is_public = shown.map(|shown| shown.is_public);
        match group.visibility.as_str() {
            _ if is_public == Some(true) && !group.allows_public_repositories => Ok(Admission::PublicRefused),
            "private" if is_public == Some(true) => Ok(Admission::PublicRefused),
            "all" if is_public.is_some() || group.allows_public_repositories => Ok(Admission::Admitted),
            "private" if is_public == Some(false) => Ok(Admission::Admitted),
            "selected" => {
                let name = match &fleet.scope {
                    Scope::Enterprise(_) => repository.owner(),
                    // A repository that was renamed is listed under its new name.
                    _ => shown.map_or(repository.as_str(), |shown| shown.full_name.as_str()),
                };
                match self.is_member(fleet, name, budget).await? {
                    Some(true) if is_public.is_none() && !group.allows_public_repositories => Ok(Admission::Unknown),
                    Some(true) => Ok(Admission::Admitted),
                    Some(false) => Ok(Admission::NotSelected),
                    None => Ok(Admission::Unknown),
                }
            }
            _ => Ok(Admission::Unknown),
        }
    }

    /// Whether the fleet's group has it among what is selected; `None` if the list is longer than is read.
    async fn is_member(&self, fleet: &Fleet, name: &str, budget: &mut Budget<'_, C>) -> Result<Option<bool>, Failure> {
        for page in 1..=MEMBER_PAGES_MAX {
            let members = budget.ask(self.github.group_members(fleet, page)).await?;
            if members.names.iter().any(|member| member.eq_ignore_ascii_case(name)) {
                return Ok(Some(true));
            }
            if members.last {
                return Ok(Some(false));
            }
        }
        Ok(None)
    }
}

/// Whether a runner of the scope could serve the repository. Whose enterprise a repository is GitHub does not tell, so that an enterprise may always.
fn reaches(scope: &Scope, repository: &RepositoryName) -> bool {
    matches!(scope, Scope::Enterprise(_)) || scope.admits(repository, None)
}

/// Takes an answer. Of failures the first stays, unless it says only that there is no such thing and a later one says more.
fn keep_better<T>(kept: &mut Option<Result<T, Failure>>, next: Result<T, Failure>) {
    let says_more = match (&kept, &next) {
        (None, _) | (_, Ok(_)) => true,
        (Some(Ok(_)), Err(_)) => false,
        (Some(Err(old)), Err(new)) => {
            old.kind == FailureKind::NotFound && !matches!(new.kind, FailureKind::NotFound | FailureKind::LeftOut)
        }
    };
    if says_more {
        *kept = Some(next);
    }
}
