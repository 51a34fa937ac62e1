//! Each check: what it is called, what it is for, and what it runs.

use clap::ValueEnum;
use tokio::process::Command;

use crate::problem::{Outcome, Problem};
use crate::process;
use crate::project::Project;
use crate::tools::Tools;

use super::{leaks, tooled};

/// One thing that is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Check {
    /// rustfmt.
    Format,
    /// clippy.
    Lints,
    /// rustdoc.
    Docs,
    /// Unit, property and contract tests.
    Tests,
    /// What must not be in the repository.
    Leaks,
    /// The pinned tools can be installed.
    Tools,
    /// SAM's two validations and cfn-lint.
    Templates,
    /// The tests in Python.
    Python,
    /// shellcheck.
    Shell,
    /// The exhaustive checks of the protocols.
    Protocols,
    /// The simulation: stories that are always told, and some fresh ones.
    Sim,
    /// The demo.
    Demo,
    /// Each trouble of the field, put into the local stack.
    Troubles,
}

/// What the checks share.
#[derive(Debug)]
pub struct Context<'a> {
    /// The checkout.
    pub project: &'a Project,
    tools: Option<Tools>,
}

impl<'a> Context<'a> {
    /// Nothing is installed yet.
    pub fn new(project: &'a Project) -> Self {
        Self { project, tools: None }
    }

    /// The installed tools; installing them is the first try's work, and every check that needs them fails in its own name.
    pub async fn tools(&mut self) -> Outcome<Tools> {
        if self.tools.is_none() {
            self.tools = Some(Tools::install(self.project).await?);
        }
        self.tools.clone().ok_or_else(|| Problem::new("the tools are missing"))
    }

    fn cargo(&self, arguments: &[&str]) -> Command {
        let mut cargo = process::command("cargo");
        cargo.args(arguments).current_dir(self.project.root());
        cargo
    }
}

impl Check {
    /// In the order in which they run: what fails soonest first, but the tools before the tests, of which some run against the emulator.
    pub const ALL: [Self; 13] = [
        Self::Format,
        Self::Leaks,
        Self::Lints,
        Self::Docs,
        Self::Tools,
        Self::Tests,
        Self::Templates,
        Self::Shell,
        Self::Python,
        Self::Protocols,
        Self::Sim,
        Self::Demo,
        Self::Troubles,
    ];

    /// Its name on the command line and in the report.
    pub fn name(self) -> &'static str {
        match self {
            Self::Format => "format",
            Self::Lints => "lints",
            Self::Docs => "docs",
            Self::Tests => "tests",
            Self::Leaks => "leaks",
            Self::Tools => "tools",
            Self::Templates => "templates",
            Self::Python => "python",
            Self::Shell => "shell",
            Self::Protocols => "protocols",
            Self::Sim => "sim",
            Self::Demo => "demo",
            Self::Troubles => "troubles",
        }
    }

    /// What it is for.
    pub fn purpose(self) -> &'static str {
        match self {
            Self::Format => "the code is formatted (rustfmt)",
            Self::Lints => "no warning in any target (clippy, pedantic)",
            Self::Docs => "the documentation builds without a warning (rustdoc)",
            Self::Tests => "unit, property and contract tests",
            Self::Leaks => "no secret and nothing of one machine is in the repository",
            Self::Tools => "the pinned tools are installed",
            Self::Templates => "the templates are valid (sam validate, sam validate --lint, cfn-lint)",
            Self::Python => "the tests of tests/: start script, templates, sample events",
            Self::Shell => "the scripts are clean (shellcheck)",
            Self::Protocols => "claim, lease and single writer in every order that their bounds admit",
            Self::Sim => "stories of 200 jobs and 6 hours with all faults break no rule",
            Self::Demo => "20 jobs through the whole product, end to end, set up in a browser",
            Self::Troubles => "what goes wrong in the field is named by the command line, with its remedy, and only then",
        }
    }

    /// Runs it.
    pub async fn run(self, context: &mut Context<'_>) -> Outcome {
        match self {
            Self::Format => process::watched(context.cargo(&["fmt", "--all", "--check"])).await,
            Self::Lints => process::watched(context.cargo(&["clippy", "--workspace", "--all-targets", "--", "--deny", "warnings"])).await,
            Self::Docs => {
                let mut docs = context.cargo(&["doc", "--workspace", "--no-deps", "--document-private-items"]);
                docs.env("RUSTDOCFLAGS", "--deny warnings");
                process::watched(docs).await
            }
            Self::Tests => process::watched(context.cargo(&["test", "--workspace"])).await,
            Self::Leaks => leaks::check(context.project).await,
            Self::Tools => context.tools().await.map(drop),
            Self::Templates => tooled::templates(context).await,
            Self::Python => tooled::python(context).await,
            Self::Shell => tooled::shell(context).await,
            Self::Protocols => crate::protocols::run(context.project).await,
            Self::Sim => crate::sim::check(context.project).await,
            Self::Demo => tooled::itself(&["demo", "--jobs", "20", "--setup"]).await,
            Self::Troubles => tooled::itself(&["troubles"]).await,
        }
    }
}
