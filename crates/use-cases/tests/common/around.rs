//! What the healer sees of the world beyond what the other use cases see: lists, logs, dead letters, and what it keeps in mind.

use super::{NOW, TestLedger, World, broken, definition, stack, task_id};
use fargate_runners_core::fleet::Fleet;
use fargate_runners_core::hosting::Hosting;
use fargate_runners_core::ids::{FleetName, JobId, RepositoryName, RunId, RunnerId, ServiceName, TaskId};
use fargate_runners_core::job::{JobEvent, JobPhase, JobRecord};
use fargate_runners_core::labels::Labels;
use fargate_runners_core::record::{Expected, Key, Record, Version, Versioned, Write};
use fargate_runners_core::state::FleetState;
use fargate_runners_core::task::{Minted, Stop, TaskRecord};
use fargate_runners_core::time::Timestamp;
use fargate_runners_use_cases::ports::{
    Clock, CommitError, DeadLetter, DeadLetterQueues, DeadLetterSource, DeliveryPage, GithubError, Hook, HookLog, Jobs, Kept, Ledger,
    LoggedDelivery, Memory, PortError, Protection, RunnerPage, Runners, SeenJob, SeenRun, SeenRunner, SeenService, SeenTask, Survey,
    TaskPage,
};
use fargate_runners_use_cases::sweep::{Healer, Outcome, Ports, Report, Sweep};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

#[derive(Default)]
pub struct Around {
    /// Tasks that ECS knows, with the fleet that they are of.
    pub tasks: BTreeMap<TaskId, (String, SeenTask)>,
    pub stopped: Vec<TaskId>,
    pub renewals: Vec<Vec<TaskId>>,
    pub renewal_refused: Option<String>,
    pub services: Vec<SeenService>,
    pub deleted_services: Vec<ServiceName>,
    /// Runners that GitHub calls busy.
    pub busy: BTreeSet<u64>,
    pub version: Option<String>,
    pub refused_from: Option<Timestamp>,
    pub jobs: BTreeMap<JobId, SeenJob>,
    pub runs: BTreeMap<RunId, SeenRun>,
    pub reruns: Vec<RunId>,
    pub rerun_answers: VecDeque<GithubError>,
    pub hooks: Vec<Hook>,
    /// Newest first.
    pub log: Vec<LoggedDelivery>,
    pub log_page: usize,
    pub redelivered: Vec<String>,
    pub letters: BTreeMap<DeadLetterSource, Vec<DeadLetter>>,
    /// Ids of letters that were received, and so are hidden.
    pub hidden: BTreeSet<String>,
    pub memory: BTreeMap<(String, String), (String, u64)>,
    /// Calls that were made, by the names below.
    pub calls: Vec<String>,
    /// Calls that fail.
    pub fails: BTreeSet<&'static str>,
    /// GitHub admits no call.
    pub limited: bool,
    /// The question for the hooks is never answered.
    pub hooks_hang: bool,
    /// Each call takes so long.
    pub call_takes: Duration,
    /// What others do while a call is under way that begins so, once.
    pub meanwhile: Option<(&'static str, Meanwhile)>,
}

pub type Meanwhile = Box<dyn FnOnce(&World) + Send>;

impl World {
    fn enters(&self, call: &'static str, about: &str) -> Result<(), PortError> {
        let made = format!("{call} {about}");
        let meanwhile = self.around(|around| around.meanwhile.take_if(|(name, _)| made.starts_with(*name)));
        if let Some((_, others_act)) = meanwhile {
            others_act(self);
        }
        self.with(|state| {
            state.around.calls.push(format!("{call} {about}").trim().to_owned());
            state.now = state.now + state.around.call_takes;
            if state.around.fails.contains(call) { Err(broken(call)) } else { Ok(()) }
        })
    }

    fn asks_github(&self, call: &'static str, about: &str) -> Result<(), GithubError> {
        self.enters(call, about)?;
        if self.with(|state| state.around.limited) { Err(GithubError::NotBefore(self.now() + Duration::from_secs(60))) } else { Ok(()) }
    }

    pub fn around<T>(&self, change: impl FnOnce(&mut Around) -> T) -> T {
        self.with(|state| change(&mut state.around))
    }

    pub fn calls(&self, call: &str) -> usize {
        self.around(|around| around.calls.iter().filter(|made| made.starts_with(call)).count())
    }

    /// ECS shows a task of the fleet, made so many seconds ago.
    pub fn ecs_runs(&self, fleet: &str, task: u64, age: u64) {
        let seen = SeenTask {
            id: task_id(task),
            last_status: "RUNNING".to_owned(),
            desired_status: "RUNNING".to_owned(),
            task_definition: definition(fleet),
            service: (fleet == "default").then(|| service(1)),
            created_at: Some(self.now() - Duration::from_secs(age)),
            hosting: Hosting::UNKNOWN,
            stop: None,
        };
        self.around(|around| around.tasks.insert(task_id(task), (fleet.to_owned(), seen)));
    }

    /// ECS shows the task as stopped.
    pub fn ecs_stopped(&self, task: u64, exit_code: Option<i64>) {
        let stop = Stop { at: self.now(), code: Some("EssentialContainerExited".to_owned()), reason: None, exit_code };
        self.around(|around| {
            let (_, seen) = around.tasks.get_mut(&task_id(task)).unwrap();
            (seen.last_status, seen.desired_status, seen.stop) = ("STOPPED".to_owned(), "STOPPED".to_owned(), Some(stop));
        });
    }

    pub fn ecs_has(&self, revision: u32, desired: u32, tasks: u32) {
        self.around(|around| {
            around.services.retain(|seen| seen.name != service(revision));
            around.services.push(SeenService { name: service(revision), desired, tasks, trouble: None });
        });
    }

    /// What others do while a call is under way that begins so.
    pub fn meanwhile(&self, call: &'static str, others_act: impl FnOnce(&Self) + Send + 'static) {
        self.around(|around| around.meanwhile = Some((call, Box::new(others_act))));
    }

    /// Writes a task's record, whatever stands there.
    pub async fn knows(&self, task: TaskRecord) {
        self.writes(Record::Task(task)).await;
    }

    pub async fn knows_job(&self, event: &JobEvent) {
        self.writes(Record::Job(JobRecord::from_event(event))).await;
    }

    pub async fn knows_fleet(&self, state: FleetState) {
        self.writes(Record::Fleet(state)).await;
    }

    async fn writes(&self, record: Record) {
        let known = self.1.read(&[record.key()], self.now()).await.unwrap();
        let expected = known.first().map_or(Expected::Nothing, Versioned::expected);
        self.1.commit(&[Write { record, expected }], self.now()).await.unwrap();
    }

    pub async fn job(&self, fleet: &str, job: u64) -> Option<JobRecord> {
        let key = Key::Job(FleetName::parse(fleet).unwrap(), JobId(job));
        match self.1.read(&[key], self.now()).await.unwrap().into_iter().next()?.record {
            Record::Job(job) => Some(job),
            _ => None,
        }
    }

    pub async fn sweeps(&self, healer: Healer) -> Outcome {
        sweep(self).handle(&[healer]).await.healers.remove(&healer).unwrap_or_default()
    }

    pub async fn sweeps_all(&self) -> Report {
        sweep(self).handle(&Healer::ALL).await
    }
}

pub fn service(revision: u32) -> ServiceName {
    ServiceName::parse(&format!("runners-default-{revision}")).unwrap()
}

/// A task that has registered runner `task` (its own number), first seen now.
pub fn registered(fleet: &str, task: u64, now: Timestamp) -> TaskRecord {
    TaskRecord {
        attempt: 1,
        nonce_sha256: Some("n".to_owned()),
        minted: Some(Minted { attempt: 1, runner_id: Some(RunnerId(task)), at: now }),
        registered_at: Some(now),
        service: (fleet == "default").then(|| service(1)),
        task_definition: Some(definition(fleet)),
        protected_until: Some(now + Duration::from_secs(48 * 3600)),
        ..TaskRecord::new(FleetName::parse(fleet).unwrap(), task_id(task), now)
    }
}

pub fn runner_name(fleet: &str, task: u64, attempt: u8) -> String {
    format!("{}-{fleet}-{}-{attempt}", stack(), task_id(task))
}

pub fn job_event(fleet: &str, job: u64, phase: JobPhase) -> JobEvent {
    JobEvent {
        fleet: FleetName::parse(fleet).unwrap(),
        home: true,
        job_id: JobId(job),
        run_id: RunId(job),
        run_attempt: 1,
        repository: RepositoryName::parse("octo-org/hello").unwrap(),
        workflow_name: None,
        name: "build".to_owned(),
        labels: Labels::parse(["self-hosted", fleet]).unwrap(),
        phase,
        conclusion: None,
        runner_name: None,
        at: None,
        seen_at: NOW,
        delivery: "guid".to_owned(),
        noted: false,
    }
}

pub fn seen_job(fleet: &str, job: u64, phase: JobPhase) -> SeenJob {
    SeenJob {
        phase,
        run_id: RunId(job),
        run_attempt: 1,
        workflow_name: None,
        name: "build".to_owned(),
        labels: Labels::parse(["self-hosted", fleet]).unwrap(),
        conclusion: (phase == JobPhase::Completed).then(|| "success".to_owned()),
        runner_name: None,
        at: None,
    }
}

/// The types that a test wires.
pub struct TestPorts;

impl Ports for TestPorts {
    type Ledger = TestLedger;
    type Survey = World;
    type Github = World;
    type DeadLetters = World;
    type Memory = World;
    type Fleets = World;
    type Queue = World;
    type Retries = World;
    type Bus = World;
    type Clock = World;
}

pub fn sweep(world: &World) -> Sweep<TestPorts> {
    let w = || world.clone();
    Sweep {
        ledger: TestLedger(w()),
        survey: w(),
        github: w(),
        dead_letters: w(),
        memory: w(),
        fleets: w(),
        queue: w(),
        retries: w(),
        bus: w(),
        clock: w(),
        stack: stack(),
        stack_name: "runners".to_owned(),
        retry_interrupted_jobs: true,
    }
}

impl Survey for World {
    async fn running(&self, fleet: &Fleet, next: Option<&str>) -> Result<TaskPage, PortError> {
        self.enters("running", fleet.name.as_str())?;
        let first: usize = next.map_or(0, |next| next.parse().unwrap());
        let of_fleet = |around: &mut Around| {
            let tasks = around.tasks.values().filter(|(name, seen)| *name == fleet.name.as_str() && seen.desired_status == "RUNNING");
            tasks.map(|(_, seen)| seen.clone()).collect::<Vec<_>>()
        };
        let all = self.around(of_fleet);
        let tasks: Vec<SeenTask> = all.iter().skip(first).take(100).cloned().collect();
        Ok(TaskPage { next: (first + 100 < all.len()).then(|| (first + 100).to_string()), tasks })
    }

    async fn described(&self, _fleet: &Fleet, tasks: &[TaskId]) -> Result<Vec<SeenTask>, PortError> {
        self.enters("described", "")?;
        assert!(tasks.len() <= 100);
        Ok(self.around(|around| tasks.iter().filter_map(|task| Some(around.tasks.get(task)?.1.clone())).collect()))
    }

    async fn services(&self, fleet: &Fleet) -> Result<Vec<SeenService>, PortError> {
        self.enters("services", fleet.name.as_str())?;
        Ok(if fleet.name.as_str() == "default" { self.around(|around| around.services.clone()) } else { vec![] })
    }

    async fn renew(&self, _fleet: &Fleet, tasks: &[TaskId], _duration: Duration) -> Result<Vec<(TaskId, Protection)>, PortError> {
        self.enters("renew", "")?;
        assert!(tasks.len() <= 10);
        Ok(self.around(|around| {
            around.renewals.push(tasks.to_vec());
            let answer = around.renewal_refused.clone().map_or(Protection::Granted, Protection::Refused);
            tasks.iter().map(|task| (task.clone(), answer.clone())).collect()
        }))
    }

    async fn stop(&self, _fleet: &Fleet, task: &TaskId, _reason: &str) -> Result<(), PortError> {
        self.enters("stop", task.as_str())?;
        self.around(|around| around.stopped.push(task.clone()));
        Ok(())
    }

    async fn delete_service(&self, _fleet: &Fleet, service: &ServiceName) -> Result<(), PortError> {
        self.enters("delete_service", service.as_str())?;
        self.around(|around| around.deleted_services.push(service.clone()));
        Ok(())
    }
}

impl World {
    fn seen_runners(&self) -> Vec<SeenRunner> {
        self.with(|state| {
            let seen = |(id, name): (&u64, &String)| SeenRunner {
                id: RunnerId(*id),
                name: name.clone(),
                online: true,
                busy: state.around.busy.contains(id),
                version: state.around.version.clone(),
            };
            state.runners.iter().map(seen).collect()
        })
    }
}

impl Runners for World {
    async fn runners(&self, _fleet: &Fleet, page: u32) -> Result<RunnerPage, GithubError> {
        self.asks_github("runners", &page.to_string())?;
        let (all, first) = (self.seen_runners(), (page as usize - 1) * 100);
        Ok(RunnerPage { last: first + 100 >= all.len(), runners: all.into_iter().skip(first).take(100).collect() })
    }

    async fn runner(&self, _fleet: &Fleet, runner: RunnerId) -> Result<Option<SeenRunner>, GithubError> {
        self.asks_github("runner", &runner.to_string())?;
        Ok(self.seen_runners().into_iter().find(|seen| seen.id == runner))
    }

    async fn refused_from(&self, _fleet: &Fleet, version: &str) -> Result<Option<Timestamp>, GithubError> {
        self.asks_github("refused_from", version)?;
        Ok(self.around(|around| around.refused_from))
    }
}

impl Jobs for World {
    async fn job(&self, _fleet: &Fleet, _repository: &RepositoryName, job: JobId) -> Result<Option<SeenJob>, GithubError> {
        self.asks_github("job", &job.to_string())?;
        Ok(self.around(|around| around.jobs.get(&job).cloned()))
    }

    async fn run(&self, _fleet: &Fleet, _repository: &RepositoryName, run: RunId) -> Result<Option<SeenRun>, GithubError> {
        self.asks_github("run", &run.to_string())?;
        Ok(self.around(|around| around.runs.get(&run).cloned()))
    }

    async fn rerun_failed(&self, _fleet: &Fleet, _repository: &RepositoryName, run: RunId) -> Result<(), GithubError> {
        self.asks_github("rerun", &run.to_string())?;
        self.around(|around| {
            around.reruns.push(run);
            around.rerun_answers.pop_front().map_or(Ok(()), Err)
        })
    }
}

impl HookLog for World {
    async fn hooks(&self, _fleets: &[Fleet]) -> Result<Vec<Hook>, GithubError> {
        if self.around(|around| around.hooks_hang) {
            std::future::pending::<()>().await;
        }
        self.asks_github("hooks", "")?;
        Ok(self.around(|around| around.hooks.clone()))
    }

    async fn deliveries(&self, _hook: &Hook, cursor: Option<&str>) -> Result<DeliveryPage, GithubError> {
        self.asks_github("deliveries", cursor.unwrap_or_default())?;
        Ok(self.around(|around| {
            // A cursor names the last id that was shown.
            let older = |seen: &&LoggedDelivery| cursor.is_none_or(|cursor| seen.id < cursor.parse().unwrap());
            let size = if around.log_page == 0 { 100 } else { around.log_page };
            let rest: Vec<LoggedDelivery> = around.log.iter().filter(older).cloned().collect();
            let deliveries: Vec<LoggedDelivery> = rest.iter().take(size).cloned().collect();
            let next = (rest.len() > size).then(|| deliveries[size - 1].id.to_string());
            DeliveryPage { deliveries, next }
        }))
    }

    async fn redeliver(&self, _hook: &Hook, delivery: u64) -> Result<(), GithubError> {
        self.asks_github("redeliver", &delivery.to_string())?;
        self.around(|around| {
            let guid = around.log.iter().find(|seen| seen.id == delivery).unwrap().guid.clone();
            around.redelivered.push(guid);
        });
        Ok(())
    }
}

impl DeadLetterQueues for World {
    async fn receive(&self, from: DeadLetterSource) -> Result<Vec<DeadLetter>, PortError> {
        self.enters("receive", &format!("{from:?}"))?;
        Ok(self.around(|around| {
            let letters = around.letters.entry(from).or_default();
            let visible: Vec<DeadLetter> = letters.iter().filter(|letter| !around.hidden.contains(&letter.id)).take(10).cloned().collect();
            around.hidden.extend(visible.iter().map(|letter| letter.id.clone()));
            visible
        }))
    }

    async fn remove(&self, from: DeadLetterSource, letter: &DeadLetter) -> Result<(), PortError> {
        self.enters("remove", &letter.id)?;
        self.around(|around| around.letters.entry(from).or_default().retain(|known| known.id != letter.id));
        Ok(())
    }
}

impl Memory for World {
    async fn recall_all(&self, _now: Timestamp) -> Result<Vec<Kept>, PortError> {
        // It takes no time: tests count the calls that healers make to others.
        let fails = self.around(|around| {
            around.calls.push("recall_all".to_owned());
            around.fails.contains("recall_all")
        });
        if fails {
            return Err(broken("recall_all"));
        }
        let kept = |((healer, subject), (text, version)): (&(String, String), &(String, u64))| Kept {
            healer: healer.clone(),
            subject: subject.clone(),
            text: text.clone(),
            version: Version(*version),
        };
        Ok(self.around(|around| around.memory.iter().map(kept).collect()))
    }

    async fn keep(&self, healer: &str, subject: &str, text: &str, read: Version, _expires: Timestamp) -> Result<(), CommitError> {
        self.around(|around| {
            let key = (healer.to_owned(), subject.to_owned());
            if around.memory.get(&key).map_or(0, |(_, version)| *version) != read.0 {
                return Err(CommitError::Conflict);
            }
            around.memory.insert(key, (text.to_owned(), read.0 + 1));
            Ok(())
        })
    }
}
