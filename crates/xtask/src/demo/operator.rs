//! The operator's command line against the stack that the demo has up, by a role that has the template's policy for operators and nothing else: every example
//! of every command's help, and the jobs of which the demo knows why they wait.

use std::collections::BTreeMap;

use fargate_runners_local_stack::aws::Credentials;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::account;
use crate::jobs::{fleet_of, task_of};
use crate::problem::{Outcome, Problem};
use crate::process;
use crate::project::Project;
use crate::stack::{CONTROL_PLANE, ORGANIZATION, PRIVATE_REPOSITORY, PUBLIC_REPOSITORY, Stack};

use super::jobs::Followed;
use super::scenario::Kind;

/// IAM's version in the query protocol.
const IAM: &str = "2010-05-08";

/// The operators' role.
const ROLE: &str = "operator";

/// The name of a person's session: what it asks for is nothing that jobs take.
pub const PERSON: &str = "on-call";

/// The command that another role runs.
const SETUP: &str = "setup";

/// Anybody of the account may become it.
const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}]}"#;

/// The commands that change something last are undone by the ones after them: they come in this order, and all others before.
const LAST: [&str; 3] = ["drain", "resume", "redrive"];

/// The operator at work.
pub struct Operator<'a> {
    project: &'a Project,
    endpoints: BTreeMap<&'static str, String>,
    credentials: Credentials,
}

/// What a command printed, and how it ended.
pub struct Said {
    /// Its exit code.
    pub code: Option<i32>,
    /// What it printed.
    pub out: String,
    /// What it said besides.
    pub err: String,
}

impl<'a> Operator<'a> {
    /// Builds the command line, and makes the role of those who are on call.
    pub async fn new(project: &'a Project, stack: &Stack) -> Outcome<Self> {
        Self::of(project, stack, ROLE, &["OperatorPolicyArn"]).await
    }

    /// The same, by a role that has the policies of these outputs.
    pub async fn of(project: &'a Project, stack: &Stack, role: &str, policies: &[&str]) -> Outcome<Self> {
        let mut cargo = process::command("cargo");
        cargo.args(["build", "--quiet", "--workspace", "--bin", "fargate-runners"]).current_dir(project.root());
        process::watched(cargo).await?;
        let told = |error: fargate_runners_local_stack::aws::Error| Problem::new(error.to_string());
        let wanted = [("RoleName", role), ("AssumeRolePolicyDocument", TRUST)];
        let made = stack.aws.query("iam", "CreateRole", IAM, &wanted).await.map_err(told)?;
        let arn =
            fargate_runners_local_stack::aws::tag_value(&made, "Arn").ok_or_else(|| Problem::new("IAM made a role without an ARN"))?;
        for policy in policies {
            let wanted = [("RoleName", role), ("PolicyArn", stack.output(policy)?)];
            stack.aws.query("iam", "AttachRolePolicy", IAM, &wanted).await.map_err(told)?;
        }
        let credentials = stack.aws.assume_role(&arn, PERSON).await.map_err(told)?;
        let [(_, aws), (_, ecs), _] = stack.endpoints();
        Ok(Self { project, endpoints: [("AWS_ENDPOINT_URL", aws), ("AWS_ENDPOINT_URL_ECS", ecs)].into(), credentials })
    }

    /// Puts the log of a job's task where Fargate's log driver would have: the model of ECS keeps it in a file.
    async fn ship_log(&self, stack: &Stack, job: &Followed) -> Outcome {
        let failed = |error: fargate_runners_local_stack::aws::Error| Problem::new(format!("a task's log could not be shipped: {error}"));
        let runner = job.seen.as_ref().and_then(|seen| seen.runner.as_deref()).unwrap_or_default();
        let (Some(fleet), Some(task)) = (fleet_of(runner), task_of(runner)) else {
            return Err(Problem::new(format!("{runner:?} is no runner of this stack")));
        };
        let text = std::fs::read_to_string(stack.ecs_server().log_of(task))?;
        let at = stack.github.now();
        let lines: Vec<Value> =
            text.lines().filter(|line| !line.is_empty()).map(|line| json!({ "timestamp": at, "message": line })).collect();
        let mut put = json!({ "logGroupName": format!("/fargate-runners/{CONTROL_PLANE}/{fleet}"), "logStreamName": format!("runner/runner/{task}") });
        stack.aws.json("logs", "Logs_20140328.CreateLogStream", &put).await.map_err(failed)?;
        put["logEvents"] = json!(lines);
        stack.aws.json("logs", "Logs_20140328.PutLogEvents", &put).await.map(drop).map_err(failed)
    }

    /// Runs every example, and asks why the jobs wait that do. Gives how many ran, and what is wrong.
    pub async fn work(&self, stack: &Stack, jobs: &[Followed]) -> Outcome<(usize, Vec<Problem>)> {
        let Some(ran) = jobs.iter().find(|job| job.fleet_of_runner() == Some("default")) else {
            return Err(Problem::new("no job of the demo ran in the fleet `default`: the examples have nothing to ask about"));
        };
        self.ship_log(stack, ran).await?;
        let mut examples = self.examples().await?;
        examples.sort_by_key(|example| LAST.iter().position(|last| example.split(' ').nth(1) == Some(last)));
        let mut wrongs = Vec::new();
        for example in &examples {
            let arguments = self.filled_in(example, ran)?;
            let said = self.run(&arguments).await?;
            let allowed: &[i32] = if arguments.iter().any(|argument| argument == "doctor") { &[0, 1] } else { &[0] };
            if !said.code.is_some_and(|code| allowed.contains(&code)) || said.out.trim().is_empty() {
                wrongs.push(Problem::new(format!("`{example}` ended with {:?}: {}{}", said.code, said.out, said.err)));
            } else if arguments.iter().any(|argument| argument == "--json") && serde_json::from_str::<Value>(&said.out).is_err() {
                wrongs.push(Problem::new(format!("`{example}` printed no JSON: {}", said.out)));
            }
            // `doctor` may complain of what the demo has done; but whatever it asks, the policy for operators must allow.
            wrongs.extend(unasked(&said.out).map(|line| Problem::new(format!("`{example}` says: {line}"))));
        }
        for job in jobs {
            let (Some(id), Some((repository, expected))) = (job.id, why(job)) else { continue };
            let said = self.run(&["why".into(), format!("{ORGANIZATION}/{repository}"), id.0.to_string(), "--json".into()]).await?;
            let answer: Value = serde_json::from_str(&said.out).unwrap_or_default();
            if answer["cause"]["waits_for"] != expected {
                wrongs.push(Problem::new(format!("job {} should wait for {expected}, but `why` says {}{}", id.0, said.out, said.err)));
            }
        }
        Ok((examples.len(), wrongs))
    }

    /// The examples in the help of all commands.
    async fn examples(&self) -> Outcome<Vec<String>> {
        let lines = |text: &str| text.lines().map(|line| line.trim().to_owned()).collect::<Vec<_>>();
        let commands = commands_of(&self.run(&["--help".into()]).await?.out);
        let mut examples = Vec::new();
        // `setup` needs more than this role may do; its examples run where it has it.
        for command in commands.into_iter().filter(|command| command != SETUP) {
            let help = self.run(&[command.clone(), "--help".into()]).await?.out;
            let mut helps = Vec::new();
            for nested in commands_of(&help) {
                let said = self.run(&[command.clone(), nested.clone(), "--help".into()]).await?.out;
                helps.push((format!("{command} {nested}"), said));
            }
            if helps.is_empty() {
                helps.push((command, help));
            }
            for (command, help) in helps {
                let before = examples.len();
                examples.extend(lines(&help).into_iter().filter(|line| line.starts_with("fargate-runners ")));
                if examples.len() == before {
                    return Err(Problem::new(format!("the help of `{command}` has no example")));
                }
            }
        }
        Ok(examples)
    }

    /// The example with what it names exchanged for what there is.
    fn filled_in(&self, example: &str, ran: &Followed) -> Outcome<Vec<String>> {
        let id = ran.id.map(|id| id.0.to_string()).unwrap_or_default();
        let runner = ran.seen.as_ref().and_then(|seen| seen.runner.clone()).unwrap_or_default();
        let [fleets, prices] = ["fleets.json", "prices.json"].map(|name| self.project.target().join(name));
        std::fs::write(&fleets, FLEETS)?;
        std::fs::write(&prices, PRICES)?;
        let filled = |word: &str| match word {
            word if word.starts_with("0123abcd-") => runner.clone(),
            "fleets.json" => fleets.display().to_string(),
            "prices.json" => prices.display().to_string(),
            word => word.replace("octo-org/app", &format!("{ORGANIZATION}/{PRIVATE_REPOSITORY}")).replace("4242", &id),
        };
        Ok(example.split_whitespace().skip(1).map(filled).collect())
    }

    /// Runs the command line, and waits for its end.
    pub async fn run(&self, arguments: &[String]) -> Outcome<Said> {
        let output = self.command(arguments).output().await?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ok(Said { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) })
    }

    /// The command line with nothing in its environment but what it needs.
    pub fn command(&self, arguments: &[String]) -> Command {
        let mut command = process::command(self.project.target().join("debug/fargate-runners"));
        command.args(arguments).env_clear().envs(&self.endpoints);
        command.env("AWS_REGION", account::REGION).env("FARGATE_RUNNERS_STACK", CONTROL_PLANE).env("HOME", "/nonexistent");
        command.env("AWS_ACCESS_KEY_ID", &self.credentials.access_key_id);
        command.env("AWS_SECRET_ACCESS_KEY", self.credentials.secret_access_key.expose_secret());
        if let Some(token) = &self.credentials.session_token {
            command.env("AWS_SESSION_TOKEN", token.expose_secret());
        }
        command
    }
}

/// How `doctor` says that it could not look at something.
pub const UNASKED: &str = "could not be asked";

/// The lines that tell of what could not be looked at.
fn unasked(said: &str) -> impl Iterator<Item = &str> {
    said.lines().map(str::trim).filter(|line| line.contains(UNASKED))
}

/// How clap indents a command in the list of a help; what it wraps, it indents by more.
const INDENT: &str = "  ";

/// The commands that a help lists, the one that prints it left out.
fn commands_of(help: &str) -> Vec<String> {
    let listed = help.split("\nCommands:\n").nth(1).unwrap_or_default().lines().take_while(|line| line.starts_with(INDENT));
    let names = listed.filter_map(|line| line.strip_prefix(INDENT)?.split(' ').next().filter(|name| !name.is_empty()));
    names.filter(|name| *name != "help").map(str::to_owned).collect()
}

/// What `why` is to say of a job, and its repository.
fn why(job: &Followed) -> Option<(&'static str, &'static str)> {
    match job.planned.kind {
        Kind::Public => Some((PUBLIC_REPOSITORY, "public_refused")),
        Kind::Hosted | Kind::Cancelled | Kind::Single => Some((PRIVATE_REPOSITORY, "over")),
        Kind::Burst | Kind::Repeated | Kind::OutOfOrder => None,
    }
}

/// What `fleets validate` is given.
const FLEETS: &str = r#"{"fleet": "big", "scope": "org/octo-org", "credential": "default", "labels": ["linux"], "launch_mode": "tasks", "maximum": 10,
    "task_role": "runners-big-task", "cluster": "arn:aws:ecs:eu-west-1:111122223333:cluster/runners", "subnets": ["subnet-1"],
    "task_definition": "arn:aws:ecs:eu-west-1:111122223333:task-definition/runners-big:3"}"#;

/// What `cost --prices` is given.
const PRICES: &str = r#"{"source": "a contract", "x86_vcpu_hour": 0.03, "spot_factor": 0.4}"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_not_be_looked_at_is_seen_in_text_and_in_json() {
        let text = "ok       alarms: all 12 are there\nwarning  triggers: the rule could not be asked: AccessDenied\n         Your role needs more\n";
        assert_eq!(unasked(text).collect::<Vec<_>>(), ["warning  triggers: the rule could not be asked: AccessDenied"]);
        assert_eq!(unasked(r#"{"says": "the log of scale could not be asked: no"}"#).count(), 1);
        assert_eq!(unasked("ok       triggers: queues, rules and the schedule start the functions\n").count(), 0);
        // It is the command line's own way to say it.
        let source = std::fs::read_to_string(Project::of_this_program().path("crates/cli/src/commands/doctor/finding.rs")).unwrap();
        assert!(source.contains(&format!("{{on}} {UNASKED}: {{why}}")));
    }

    #[test]
    fn a_wrapped_line_of_the_list_is_no_command() {
        let help = "What it does\n\nUsage: fargate-runners <COMMAND>\n\nCommands:\n  drain   Its jobs end by themselves, and\n          what is queued waits\n  fleets  \
            Descriptions\n  help    Print this message\n\nOptions:\n  -h, --help  Print help\n";
        assert_eq!(commands_of(help), ["drain", "fleets"]);
        assert!(commands_of("Usage: fargate-runners doctor\n\nOptions:\n  -h, --help\n").is_empty());
    }
}
