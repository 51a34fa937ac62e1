//! What can be asked. Every example in a command's help is run by a test.

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use fargate_runners_core::ids::{CredentialName, FleetName};
use fargate_runners_core::job::TOMBSTONE;
use std::path::PathBuf;
use std::time::Duration;

const EXIT_CODES: &str = "\
Exit codes:
  0  all is well, or the question was answered
  1  something is wrong and must be put right first: `doctor` or `setup` found it, a description is not valid, a replay left something
  2  the command line was not understood, or what it names (a file, a token) cannot be used
  3  AWS or GitHub could not be asked, or did not do it in time; the message says what failed and what to do
  4  there is no such stack, fleet, job, runner or credential
  130  interrupted by Ctrl-C";

/// GitHub Actions runners on AWS Fargate: what the fleets do, what is wrong, and why a job waits.
#[derive(Debug, Parser)]
#[command(name = "fargate-runners", version, after_help = EXIT_CODES)]
pub struct Arguments {
    #[command(flatten)]
    pub account: Account,
    /// Prints JSON instead of tables.
    #[arg(long, global = true)]
    pub json: bool,
    #[command(subcommand)]
    pub command: Command,
}

/// Where the stack is.
#[derive(Debug, Args)]
pub struct Account {
    /// Name of the stack that template.yaml was deployed as.
    #[arg(long, global = true, default_value = "fargate-runners", env = "FARGATE_RUNNERS_STACK")]
    pub stack: String,
    /// The AWS region; else as usual (`AWS_REGION`, the profile).
    #[arg(long, global = true)]
    pub region: Option<String>,
    /// The AWS profile; else as usual (`AWS_PROFILE`).
    #[arg(long, global = true)]
    pub profile: Option<String>,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// What each fleet does: jobs that wait, runners, and how long jobs have waited.
    #[command(
        after_help = "Examples:\n  fargate-runners status\n  fargate-runners status --fleet default\n  fargate-runners status --json"
    )]
    Status(Status),
    /// The story of one job, and the one thing that it waits for.
    #[command(
        after_help = "Examples:\n  fargate-runners why 4242\n  fargate-runners why https://github.com/octo-org/app/actions/runs/7/job/4242\n  fargate-runners why octo-org/app 4242 --json"
    )]
    Why(Why),
    /// Looks for what goes wrong in the field; each line is ok, a warning or wrong, with what to do.
    #[command(after_help = "Examples:\n  fargate-runners doctor\n  fargate-runners doctor --json")]
    Doctor,
    /// The runners, each with its task, its state and its job.
    #[command(after_help = "Examples:\n  fargate-runners runners\n  fargate-runners runners --fleet default --all")]
    Runners(Filter),
    /// The jobs that wait or run, or all that are remembered.
    #[command(after_help = "Examples:\n  fargate-runners jobs\n  fargate-runners jobs --all --json")]
    Jobs(Filter),
    /// What a runner's task, or the task of a job, has written to its log.
    #[command(
        after_help = "Examples:\n  fargate-runners logs 4242\n  fargate-runners logs 0123abcd-default-00000000000000000000000000000001-1"
    )]
    Logs(Logs),
    /// Sets GitHub's side up: a GitHub App made in the browser, or a token, and the webhook. Run again, it completes what is missing.
    #[command(after_help = SETUP_EXAMPLES)]
    Setup(Setup),
    /// Lets a fleet take no more jobs: its idle runners leave, its running jobs end by themselves, and what is queued waits until `resume`.
    #[command(after_help = "Examples:\n  fargate-runners drain default")]
    Drain(OneFleet),
    /// Lets a drained fleet take jobs again.
    #[command(after_help = "Examples:\n  fargate-runners resume default")]
    Resume(OneFleet),
    /// Replays the dead letters, each to where it was meant for, now.
    #[command(after_help = "Examples:\n  fargate-runners redrive")]
    Redrive,
    /// What the jobs cost: Fargate's seconds by fleet, repository or workflow, with the control plane's share.
    #[command(
        after_help = "Examples:\n  fargate-runners cost\n  fargate-runners cost --since 24h --by repository\n  fargate-runners cost --by workflow --csv\n  fargate-runners cost --prices prices.json"
    )]
    Cost(Cost),
    /// Descriptions of fleets.
    #[command(subcommand)]
    Fleets(Fleets),
    /// Prints a script that completes commands in a shell.
    #[command(after_help = "Examples:\n  fargate-runners completions bash")]
    Completions {
        /// Which shell.
        shell: Shell,
    },
}

const SETUP_EXAMPLES: &str = "\
Examples:
  fargate-runners setup
  fargate-runners setup --no-browser
  fargate-runners setup --rotate webhook-secret
  fargate-runners setup --rotate key --key new.private-key.pem
  fargate-runners setup --token --token-file token.txt

It needs the managed policies of the outputs OperatorPolicyArn and SetupPolicyArn.";

#[derive(Debug, Args)]
pub struct Setup {
    /// The credential that is set up: what the fleets name by their parameter Credential.
    #[arg(long, default_value = "default", value_parser = credential_name)]
    pub credential: CredentialName,
    /// Only names the pages that are to be opened, for a machine without a browser.
    #[arg(long)]
    pub no_browser: bool,
    /// Makes another App even though the stored one works.
    #[arg(long, conflicts_with_all = ["token", "rotate"])]
    pub new_app: bool,
    /// What the owner of the repositories is, where GitHub does not say so without a credential.
    #[arg(long, value_enum)]
    pub owner: Option<Owner>,
    /// Stores a personal access token instead, read from standard input (without an echo on a terminal).
    #[arg(long, conflicts_with = "rotate")]
    pub token: bool,
    /// Reads the token from this file.
    #[arg(long, requires = "token", value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// Changes a secret without losing a delivery or a job.
    #[arg(long, value_enum, value_name = "SECRET")]
    pub rotate: Option<Rotate>,
    /// The private key that GitHub's page has given, for `--rotate key`; else it is asked for.
    #[arg(long, requires = "rotate", value_name = "FILE")]
    pub key: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Rotate {
    WebhookSecret,
    Key,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Owner {
    User,
    Organisation,
}

#[derive(Debug, Args)]
pub struct Status {
    /// Only this fleet.
    #[arg(long, value_parser = fleet_name)]
    pub fleet: Option<FleetName>,
    /// Shows it anew every few seconds until Ctrl-C.
    #[arg(long)]
    pub watch: bool,
}

#[derive(Debug, Args)]
pub struct Why {
    /// The job's address, its id, or OWNER/NAME and its id.
    #[arg(required = true, num_args = 1..=2, value_name = "JOB")]
    pub job: Vec<String>,
}

#[derive(Debug, Args)]
pub struct Filter {
    /// Only this fleet.
    #[arg(long, value_parser = fleet_name)]
    pub fleet: Option<FleetName>,
    /// Those that are over as well, as long as the ledger keeps them (4 days).
    #[arg(long)]
    pub all: bool,
}

#[derive(Debug, Args)]
pub struct Logs {
    /// A runner's name, a task's id, or a job's id.
    pub of: String,
}

#[derive(Debug, Args)]
pub struct OneFleet {
    /// Its name.
    #[arg(value_parser = fleet_name)]
    pub fleet: FleetName,
}

#[derive(Debug, Args)]
pub struct Cost {
    /// Only what tasks lived within this time, at most 4 days: for so long the ledger keeps them.
    #[arg(long, default_value = "4d", value_parser = within_the_ledgers_memory)]
    pub since: Duration,
    /// What the rows are.
    #[arg(long, value_enum, default_value = "fleet")]
    pub by: By,
    /// Comma-separated values instead of a table.
    #[arg(long, conflicts_with = "json")]
    pub csv: bool,
    /// A JSON file with prices that replace the built-in ones, like {"x86_vcpu_hour": 0.04}; `--json` names them all.
    #[arg(long)]
    pub prices: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum By {
    Fleet,
    Repository,
    Workflow,
}

#[derive(Debug, Subcommand)]
pub enum Fleets {
    /// Checks descriptions of fleets (the JSON that a fleet's stack writes to its parameter), one or a list of them, before anything is deployed.
    #[command(after_help = "Examples:\n  fargate-runners fleets validate fleets.json")]
    Validate {
        /// The file.
        file: PathBuf,
    },
}

/// A duration that the ledger's memory covers: what is older would be left out without a word.
fn within_the_ledgers_memory(text: &str) -> Result<Duration, String> {
    let since = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    if since > TOMBSTONE {
        let kept = humantime::format_duration(TOMBSTONE);
        return Err(format!(
            "the ledger keeps what is over for {kept} only; for longer, activate the cost allocation tag fargate-runners:fleet and ask Cost Explorer"
        ));
    }
    Ok(since)
}

fn credential_name(text: &str) -> Result<CredentialName, String> {
    CredentialName::parse(text).map_err(|error| error.to_string())
}

fn fleet_name(text: &str) -> Result<FleetName, String> {
    FleetName::parse(text).map_err(|error| error.to_string())
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use clap::CommandFactory;

    /// Checks that every command of ours which a text names in backticks is one.
    pub fn understood(text: &str) {
        for command in text.split('`').skip(1).step_by(2).filter(|quoted| quoted.starts_with("fargate-runners ")) {
            let parsed = Arguments::try_parse_from(command.split_whitespace());
            assert!(parsed.is_ok(), "{command:?} of {text:?}: {:?}", parsed.err());
        }
    }

    #[test]
    fn every_command_that_a_runbook_names_is_understood_and_each_page_begins_with_one() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/runbooks");
        let mut pages = 0;
        for page in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            let text = std::fs::read_to_string(&page).unwrap();
            let name = page.display();
            let mut blocks = text.split("```");
            // Outside of blocks commands stand in backticks, within them in lines of their own.
            while let Some(prose) = blocks.next() {
                understood(prose);
                let lines = blocks.next().unwrap_or_default().lines().map(|line| line.split('#').next().unwrap_or_default().trim());
                lines.filter(|line| line.starts_with("fargate-runners")).for_each(|line| understood(&format!("`{line}`")));
            }
            let looks = text.split("## How to look").nth(1).or_else(|| text.split("same first look").nth(1)).unwrap_or_default();
            let looks = looks.split("\n## ").next().unwrap_or_default();
            assert!(looks.contains("fargate-runners doctor") || looks.contains("fargate-runners why"), "{name} looks by hand only");
            pages += 1;
        }
        assert!(pages > 10, "{pages}");
    }

    #[test]
    fn more_than_the_ledger_keeps_is_refused_and_not_cut_short() {
        let parsed = |since: &str| Arguments::try_parse_from(["fargate-runners", "cost", "--since", since]);
        assert!(parsed("4d").is_ok() && parsed("90m").is_ok());
        let refused = parsed("30d").unwrap_err().to_string();
        assert!(refused.contains("4days") && refused.contains("cost allocation tag"), "{refused}");
    }

    #[test]
    fn every_command_has_examples_and_each_is_understood() {
        Arguments::command().debug_assert();
        let mut seen = 0;
        for command in Arguments::command().get_subcommands() {
            if command.get_name() == "fleets" {
                continue; // Its own commands have them.
            }
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            let examples: Vec<&str> = help.lines().map(str::trim).filter(|line| line.starts_with("fargate-runners ")).collect();
            assert!(!examples.is_empty(), "{} has no example", command.get_name());
            for example in examples {
                let parsed = Arguments::try_parse_from(example.split_whitespace());
                assert!(parsed.is_ok(), "{example}: {:?}", parsed.err());
                seen += 1;
            }
        }
        assert!(seen > 10);
    }
}
