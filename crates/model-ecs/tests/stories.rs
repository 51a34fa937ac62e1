//! What a fleet lives through, told in its user's verbs.

use fargate_runners_model_ecs::{AwsError, BlockedReading, Command, Config, EcsModel, Faults, Report, ScaleIn, Status, TaskEvent, Timing};
use serde_json::{Value, json};

/// Longer than a boot at AWS's pace can take.
const BOOT_MS: u64 = 120_000;

struct World {
    model: EcsModel,
    now: u64,
    events: Vec<TaskEvent>,
    commands: Vec<Command>,
    ignores_terminate: bool,
    /// So many of the next starts fail.
    fails_to_start: usize,
}

impl World {
    fn new(config: Config) -> Self {
        let model = EcsModel::new(config, 7);
        let mut world = Self { model, now: 1_000_000, events: vec![], commands: vec![], ignores_terminate: false, fails_to_start: 0 };
        world.ask("CreateCluster", &json!({"clusterName": "c"}));
        world.register();
        world
    }

    fn register(&mut self) {
        let container = json!({"name": "runner", "image": "i", "command": ["bash", "-c", "true"], "stopTimeout": 120,
                               "environment": [{"name": "A", "value": "1"}]});
        let role = "arn:aws:iam::123456789012:role/jobs";
        self.ask(
            "RegisterTaskDefinition",
            &json!({"family": "f", "cpu": "1024", "memory": "2048", "taskRoleArn": role, "containerDefinitions": [container]}),
        );
    }

    fn with_service(config: Config, desired: usize) -> Self {
        let mut world = Self::new(config);
        world.ask("CreateService", &json!({"cluster": "c", "serviceName": "s", "taskDefinition": "f", "desiredCount": desired}));
        world.wait(BOOT_MS);
        world
    }

    fn try_to(&mut self, action: &str, body: &Value) -> Result<Value, AwsError> {
        self.model.handle(self.now, action, body)
    }

    fn ask(&mut self, action: &str, body: &Value) -> Value {
        self.try_to(action, body).unwrap_or_else(|error| panic!("{action}: {error}"))
    }

    fn scale_to(&mut self, desired: usize) {
        self.ask("UpdateService", &json!({"cluster": "c", "service": "s", "desiredCount": desired}));
    }

    fn run(&mut self, body: &Value) -> Result<Value, AwsError> {
        let mut call = json!({"cluster": "c", "taskDefinition": "f"});
        for (key, value) in body.as_object().unwrap() {
            call[key] = value.clone();
        }
        self.try_to("RunTask", &call)
    }

    fn protect(&mut self, id: &str, on: bool) -> Value {
        self.ask("UpdateTaskProtection", &json!({"cluster": "c", "tasks": [id], "protectionEnabled": on, "expiresInMinutes": 60}))
    }

    /// Lets time pass, with a host that starts what it is told and obeys SIGTERM at once (143).
    fn wait(&mut self, ms: u64) {
        let end = self.now + ms;
        loop {
            let next = self.model.next_due().map_or(end, |due| due.clamp(self.now, end));
            self.now = next;
            self.model.advance(next);
            self.events.extend(self.model.take_events());
            let commands = self.model.take_commands();
            let done = commands.is_empty() && next == end;
            for command in commands {
                let report = match &command {
                    Command::Start { task_id } if self.fails_to_start > 0 => {
                        self.fails_to_start -= 1;
                        Some(Report::FailedToStart { task_id: task_id.clone(), reason: "CannotPullContainerError".to_owned() })
                    }
                    Command::Start { task_id } => Some(Report::Started { task_id: task_id.clone() }),
                    Command::Terminate { .. } if self.ignores_terminate => None,
                    Command::Terminate { task_id } => Some(Report::Exited { task_id: task_id.clone(), code: 143 }),
                    Command::Kill { task_id } => Some(Report::Exited { task_id: task_id.clone(), code: 137 }),
                };
                self.commands.push(command);
                if let Some(report) = report {
                    self.model.report(self.now, &report);
                }
            }
            if done {
                return;
            }
        }
    }

    fn exit(&mut self, id: &str, code: i32) {
        self.model.report(self.now, &Report::Exited { task_id: id.to_owned(), code });
    }

    fn running(&self) -> Vec<String> {
        self.model.tasks().filter(|t| t.last_status == Status::Running && t.wanted).map(|t| t.id.clone()).collect()
    }

    fn events_of(&self, id: &str) -> Vec<Value> {
        self.events.iter().filter(|event| event.task.id == id).map(TaskEvent::detail).collect()
    }
}

#[test]
fn a_service_boots_its_tasks_through_every_state() {
    let world = World::with_service(Config::default(), 2);
    let running = world.running();
    assert_eq!(running.len(), 2);
    let states: Vec<_> = world.events_of(&running[0]).iter().map(|d| d["lastStatus"].as_str().unwrap().to_owned()).collect();
    assert_eq!(states, ["PROVISIONING", "PENDING", "RUNNING"]);
    let last = &world.events_of(&running[0])[2];
    assert_eq!((&last["version"], &last["group"], &last["containers"][0]["name"]), (&json!(3), &json!("service:s"), &json!("runner")));
}

#[test]
fn an_exited_task_is_replaced_at_once_whatever_its_code() {
    let mut world = World::with_service(Config::default(), 1);
    let first = world.running().remove(0);
    world.exit(&first, 1);
    world.wait(BOOT_MS);
    assert_eq!(world.running().len(), 1);
    assert_eq!(world.model.tasks_started(), 2);
    let end: Vec<_> = world.events_of(&first).into_iter().rev().take(2).collect();
    assert_eq!((&end[0]["lastStatus"], &end[1]["lastStatus"]), (&json!("STOPPED"), &json!("DEPROVISIONING")));
    assert_eq!((&end[1]["stopCode"], &end[1]["containers"][0]["exitCode"]), (&json!("EssentialContainerExited"), &json!(1)));
}

#[test]
fn a_task_that_cannot_pull_its_image_makes_the_service_back_off() {
    let config = Config { faults: Faults { image_pull: 1.0, ..Faults::default() }, ..Config::default() };
    let mut world = World::with_service(config, 1);
    world.wait(3_600_000);
    assert!(world.model.tasks_started() < 15, "{} tasks in an hour", world.model.tasks_started());
    assert_eq!(world.model.tasks().next().unwrap().stop_code.unwrap().as_str(), "TaskFailedToStart");
}

#[test]
fn a_service_whose_first_task_failed_has_all_of_them_in_the_end() {
    let mut world = World::with_service(Config::default(), 0);
    world.fails_to_start = 1;
    world.scale_to(1);
    world.wait(40_000);
    world.scale_to(4);
    world.wait(10 * BOOT_MS);
    assert_eq!(world.running().len(), 4, "they are placed one by one until the first one runs");
}

#[test]
fn scale_in_takes_the_most_valuable_unprotected_task_and_never_a_protected_one() {
    let mut world = World::with_service(Config::default(), 3);
    let tasks = world.running();
    world.model.set_value(&tasks[0], 9);
    world.model.set_value(&tasks[1], 5);
    assert_eq!(world.protect(&tasks[0], true)["failures"], json!([]));
    world.scale_to(2);
    world.wait(BOOT_MS);
    assert_eq!(world.running(), [tasks[0].clone(), tasks[2].clone()]);
    world.scale_to(0);
    world.wait(BOOT_MS);
    assert_eq!(world.running(), [tasks[0].clone()]);
    world.protect(&tasks[0], false);
    world.wait(BOOT_MS);
    assert!(world.running().is_empty());
}

#[test]
fn scale_in_waits_for_a_protection_to_expire() {
    let mut world = World::with_service(Config { scale_in: ScaleIn::Newest, ..Config::default() }, 1);
    let task = world.running().remove(0);
    world.protect(&task, true);
    world.scale_to(0);
    world.wait(59 * 60_000);
    assert_eq!(world.running().len(), 1);
    world.wait(2 * 60_000);
    assert!(world.running().is_empty());
}

#[test]
fn protection_is_refused_beyond_the_desired_count_and_outside_a_service() {
    let mut world = World::with_service(Config::default(), 2);
    let tasks = world.running();
    world.protect(&tasks[0], true);
    world.scale_to(1);
    let refused = world.protect(&tasks[1], true);
    assert_eq!((&refused["failures"][0]["reason"], &refused["protectedTasks"]), (&json!("DEPLOYMENT_BLOCKED"), &json!([])));
    let ran = world.run(&json!({})).unwrap();
    let arn = ran["tasks"][0]["taskArn"].as_str().unwrap().to_owned();
    assert_eq!(world.protect(&arn, true)["failures"][0]["reason"], "TASK_NOT_VALID");
    assert_eq!(world.protect("0123", true)["failures"][0]["reason"], "MISSING");
}

#[test]
fn an_old_protected_task_blocks_new_ones_only_under_the_second_reading() {
    for (blocked, refused) in [(BlockedReading::MoreThanDesired, false), (BlockedReading::AlsoOldDeployments, true)] {
        let mut world = World::with_service(Config { blocked, ..Config::default() }, 2);
        let old = world.running().remove(0);
        world.protect(&old, true);
        world.register();
        world.ask("UpdateService", &json!({"cluster": "c", "service": "s", "taskDefinition": "f:2"}));
        world.wait(2 * BOOT_MS);
        assert!(world.running().contains(&old), "a deployment spares protected tasks");
        let new = world.running().into_iter().find(|id| world.model.task(id).unwrap().task_definition.ends_with(":2")).unwrap();
        assert_eq!(world.protect(&new, true)["failures"].as_array().unwrap().len(), usize::from(refused), "{blocked:?}");
    }
}

#[test]
fn run_task_repeats_the_answer_of_its_token_and_refuses_another_request() {
    let mut world = World::new(Config::default());
    let first = world.run(&json!({"clientToken": "t", "count": 3})).unwrap();
    let again = world.run(&json!({"count": 3, "clientToken": "t"})).unwrap();
    assert_eq!(first["tasks"].as_array().unwrap().len(), 3);
    assert_eq!(first["tasks"][2]["taskArn"], again["tasks"][2]["taskArn"]);
    assert_eq!(world.run(&json!({"clientToken": "t", "count": 2})).unwrap_err().kind, "ConflictException");
    assert_eq!(world.run(&json!({"count": 11})).unwrap_err().kind, "InvalidParameterException");
    assert_eq!(world.model.tasks_started(), 3);
}

#[test]
fn run_task_overrides_reach_the_host_and_wrong_sizes_are_refused() {
    let mut world = World::new(Config::default());
    let overrides =
        json!({"cpu": "2048", "memory": "4096", "containerOverrides": [{"name": "runner", "environment": [{"name": "B", "value": "2"}]}]});
    let ran = world.run(&json!({"overrides": overrides})).unwrap();
    let id = ran["tasks"][0]["taskArn"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    let launch = world.model.launch(&id).unwrap();
    assert_eq!((launch.cpu_units, launch.environment.len(), launch.command.len()), (2_048, 2, 3));
    assert_eq!(world.run(&json!({"overrides": {"cpu": "256", "memory": "8192"}})).unwrap_err().kind, "ClientException");
}

#[test]
fn a_quota_shows_in_the_failures_beside_the_tasks() {
    let mut config = Config::default();
    config.limits.cpu_units = Some(6 * 1_024);
    let mut world = World::new(config);
    let ran = world.run(&json!({"count": 10})).unwrap();
    assert_eq!((ran["tasks"].as_array().unwrap().len(), ran["failures"].as_array().unwrap().len()), (6, 4));
}

#[test]
fn stop_task_sends_term_and_then_kills_after_the_stop_timeout() {
    let mut world = World::new(Config::default());
    world.run(&json!({})).unwrap();
    world.wait(BOOT_MS);
    world.ignores_terminate = true;
    let id = world.running().remove(0);
    world.ask("StopTask", &json!({"cluster": "c", "task": id}));
    world.wait(119_000);
    assert!(matches!(world.commands.last(), Some(Command::Terminate { .. })));
    world.wait(2_000);
    assert!(matches!(world.commands.last(), Some(Command::Kill { .. })));
    assert_eq!(world.model.task(&id).unwrap().exit_code, Some(137));
}

#[test]
fn a_spot_interruption_warns_while_the_task_runs_and_ends_it_within_two_minutes() {
    let mut world = World::new(Config::default());
    world.run(&json!({"capacityProviderStrategy": [{"capacityProvider": "FARGATE_SPOT", "weight": 1}]})).unwrap();
    world.wait(BOOT_MS);
    world.ignores_terminate = true;
    let id = world.model.interrupt_any_spot(world.now).unwrap();
    world.wait(1_000);
    let warning = world.events.last().unwrap().envelope();
    assert_eq!(warning["detail"]["lastStatus"], "RUNNING");
    assert_eq!((&warning["detail"]["desiredStatus"], &warning["detail"]["stopCode"]), (&json!("STOPPED"), &json!("SpotInterruption")));
    assert_eq!((&warning["source"], &warning["account"]), (&json!("aws.ecs"), &json!("123456789012")));
    world.wait(120_000);
    assert_eq!(world.model.task(&id).unwrap().exit_code, Some(137));
}

#[test]
fn too_many_updates_are_throttled_and_counted() {
    let mut world = World::with_service(Config::default(), 0);
    let body = json!({"cluster": "c", "service": "s", "desiredCount": 0});
    let refused = (0..60).filter(|_| world.try_to("UpdateService", &body).is_err_and(|error| error.is_throttling())).count();
    assert_eq!(refused, 10);
    assert_eq!(world.model.calls()["UpdateService"].throttled, 10);
    world.wait(1_000);
    let admitted = (0..10).filter(|_| world.try_to("UpdateService", &body).is_ok()).count();
    assert_eq!(admitted, 5);
}

#[test]
fn a_lost_answer_has_had_its_effect() {
    let mut world = World::new(Config::default());
    world.model.config_mut().faults.broken_with_effect = 1.0;
    assert!(world.run(&json!({"clientToken": "t"})).unwrap_err().is_silence());
    world.model.config_mut().faults.broken_with_effect = 0.0;
    world.run(&json!({"clientToken": "t"})).unwrap();
    assert_eq!(world.model.tasks_started(), 1);
}

#[test]
fn events_are_lost_repeated_and_reordered_as_told() {
    let faults = Faults { lose_event: 0.2, repeat_event: 0.3, reorder_event: 0.5, event_delay_ms: 300_000, ..Faults::default() };
    let mut world = World::with_service(Config { faults, ..Config::default() }, 30);
    world.wait(600_000);
    let versions: Vec<(String, u64)> = world.events.iter().map(|e| (e.task.id.clone(), e.task.version)).collect();
    let distinct: std::collections::BTreeSet<_> = versions.iter().collect();
    assert!(distinct.len() < 90 && distinct.len() > 50, "{} of 90 arrive", distinct.len());
    assert!(versions.len() > distinct.len(), "some arrive twice");
    assert!(versions.iter().enumerate().any(|(at, (arn, v))| versions[..at].iter().any(|(a, w)| a == arn && w > v)), "some are overtaken");
}

#[test]
fn a_stopped_task_is_described_for_an_hour() {
    let mut world = World::new(Config { timing: Timing::fast(), ..Config::default() });
    world.run(&json!({})).unwrap();
    world.wait(2_000);
    let id = world.running().remove(0);
    world.exit(&id, 0);
    world.wait(60_000);
    let body = json!({"cluster": "c", "tasks": [id]});
    assert_eq!(world.ask("DescribeTasks", &body)["tasks"][0]["stopCode"], "EssentialContainerExited");
    assert_eq!(world.ask("ListTasks", &json!({"cluster": "c", "desiredStatus": "STOPPED"}))["taskArns"].as_array().unwrap().len(), 1);
    world.wait(3_600_000);
    assert_eq!(world.ask("DescribeTasks", &body)["failures"][0]["reason"], "MISSING");
}

#[test]
fn lists_come_in_pages_that_cover_everything_once() {
    let mut world = World::with_service(Config::default(), 7);
    let (mut seen, mut token) = (std::collections::BTreeSet::new(), Value::Null);
    loop {
        let answer = world.ask("ListTasks", &json!({"cluster": "c", "serviceName": "s", "maxResults": 3, "nextToken": token}));
        seen.extend(answer["taskArns"].as_array().unwrap().iter().map(ToString::to_string));
        token = answer["nextToken"].clone();
        if token.is_null() {
            break;
        }
    }
    assert_eq!(seen.len(), 7);
}

#[test]
fn a_service_is_deleted_once_it_is_empty() {
    let mut world = World::with_service(Config::default(), 1);
    let body = json!({"cluster": "c", "service": "s"});
    assert_eq!(world.try_to("DeleteService", &body).unwrap_err().kind, "InvalidParameterException");
    world.scale_to(0);
    world.wait(BOOT_MS);
    world.ask("DeleteService", &body);
    world.wait(BOOT_MS);
    assert_eq!(world.ask("ListServices", &json!({"cluster": "c"}))["serviceArns"], json!([]));
    assert_eq!(world.try_to("UpdateService", &body).unwrap_err().kind, "ServiceNotActiveException");
}

#[test]
fn the_same_seed_tells_the_same_story() {
    let story = || {
        let faults = Faults { lose_event: 0.1, repeat_event: 0.1, reorder_event: 0.2, event_delay_ms: 60_000, ..Faults::default() };
        let mut world = World::with_service(Config { faults, ..Config::default() }, 20);
        world.scale_to(5);
        world.wait(600_000);
        world.events.iter().map(|event| event.envelope().to_string()).collect::<Vec<_>>()
    };
    assert_eq!(story(), story());
}
