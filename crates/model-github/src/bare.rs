//! A webhook's body with nothing but what a receiver of `workflow_job` goes by, for those who send thousands a second. The values are the same as in the
//! whole body, and no field is written that the whole body has not.

use serde::Serialize;

use crate::deliveries::Outgoing;
use crate::job::{Action, Conclusion, Job};
use crate::time::rfc3339;
use crate::webhook::{JobEvent, Payload};
use crate::wire::STALE_RUNNER;
use crate::world::Visibility;

#[derive(Serialize)]
struct Body<'a> {
    action: &'a str,
    workflow_job: BareJob<'a>,
    repository: BareRepository<'a>,
}

#[derive(Serialize)]
struct BareJob<'a> {
    id: u64,
    run_id: u64,
    run_attempt: u32,
    name: &'a str,
    workflow_name: &'a str,
    status: &'a str,
    conclusion: Option<&'a str>,
    labels: &'a [String],
    runner_name: Option<&'a str>,
    created_at: String,
    started_at: String,
    completed_at: Option<String>,
}

#[derive(Serialize)]
struct BareRepository<'a> {
    full_name: String,
    private: bool,
    visibility: &'a str,
}

impl Outgoing {
    /// The JSON with only the fields that say something about the job. A `ping` is whole.
    #[must_use]
    pub fn bare_body(&self) -> String {
        match &*self.payload {
            // Neither a map with other keys than text nor a number that is none is in it: nothing else makes JSON fail.
            Payload::Job(event) => serde_json::to_string(&body(event)).unwrap_or_default(),
            Payload::Ping => self.body(),
        }
    }
}

fn body(event: &JobEvent) -> Body<'_> {
    let JobEvent { job, repository, .. } = event;
    Body {
        action: Action::as_str(event.action),
        workflow_job: bare(job, event.stale_runner),
        repository: BareRepository {
            full_name: format!("{}/{}", repository.owner, repository.name),
            private: repository.visibility != Visibility::Public,
            visibility: repository.visibility.as_str(),
        },
    }
}

fn bare(job: &Job, stale_runner: bool) -> BareJob<'_> {
    let own = job.runner.as_ref().map(|runner| runner.name.as_str());
    BareJob {
        id: job.id.0,
        run_id: job.run_id,
        run_attempt: job.run_attempt,
        name: &job.title,
        workflow_name: "CI",
        status: job.status.as_str(),
        conclusion: job.conclusion.map(Conclusion::as_str),
        labels: &job.labels,
        runner_name: if stale_runner { Some(STALE_RUNNER) } else { own },
        created_at: rfc3339(job.created_at),
        started_at: rfc3339(job.started_at.unwrap_or(job.created_at)),
        completed_at: job.completed_at.map(rfc3339),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Config, HookOwner, NewHook, NewJob, Permissions};
    use serde_json::Value;

    /// Every field of `bare` stands in `whole` with the same value.
    fn is_part_of(bare: &Value, whole: &Value) -> bool {
        match bare {
            Value::Object(fields) => fields.iter().all(|(name, value)| whole.get(name).is_some_and(|other| is_part_of(value, other))),
            other => other == whole,
        }
    }

    #[test]
    fn a_bare_body_says_nothing_that_the_whole_one_does_not() {
        let mut config = Config::default();
        config.faults.stale_runner = 0.5;
        let mut github = crate::GithubModel::new(config, 7);
        github.add_app(1, "Iv23liBare");
        github.add_organization("octo-org");
        github.install_app(1, "octo-org", Permissions::runners());
        github.add_repository("octo-org", "site", Visibility::Private);
        github.add_hook(NewHook { owner: HookOwner::App(1), url: "https://webhook".to_owned(), secret: "a-model's".to_owned() });
        let mut seen = 0;
        for number in 0..40 {
            let now = number * 60_000;
            let job = github.queue_job(now, NewJob::new("octo-org", "site", &["self-hosted", "linux"]));
            if number % 2 == 0 {
                github.cancel_job(now + 20_000, job);
            }
            github.advance(now + 59_000);
            for outgoing in github.take_deliveries(now + 59_000) {
                let [bare, whole] = [outgoing.bare_body(), outgoing.body()].map(|body| serde_json::from_str::<Value>(&body).unwrap());
                assert!(is_part_of(&bare, &whole), "{bare} is not in {whole}");
                assert_eq!(bare["workflow_job"].as_object().map(serde_json::Map::len), Some(12));
                seen += 1;
            }
        }
        assert!(seen > 40, "{seen}");
    }
}
