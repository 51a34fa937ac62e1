//! The lines between the parts of the local stack that a network would be between: whole unless somebody cuts them.
//!
//! One is missing on purpose, the runners' own to GitHub. The stand-in for the runner cannot tell a broken line from a dead listener, and neither can the model;
//! GitHub's runner can, and its jobs go on meanwhile.

use std::fmt;

use fargate_runners_local_stack::line::{Condition, Line};

use crate::problem::Outcome;

/// Who talks to whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Between {
    /// The functions to AWS, ECS left out.
    FunctionsAndAws,
    /// The functions to ECS.
    FunctionsAndEcs,
    /// The functions to GitHub.
    FunctionsAndGithub,
    /// The tasks to the API that they register at.
    TasksAndApi,
    /// GitHub to the API that it sends deliveries to.
    GithubAndApi,
}

impl Between {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::FunctionsAndAws, Self::FunctionsAndEcs, Self::FunctionsAndGithub, Self::TasksAndApi, Self::GithubAndApi];

    /// Who is at the far end.
    pub fn far_end(self) -> &'static str {
        match self {
            Self::FunctionsAndAws => "AWS",
            Self::FunctionsAndEcs => "ECS",
            Self::FunctionsAndGithub => "GitHub",
            Self::TasksAndApi | Self::GithubAndApi => "the API",
        }
    }
}

impl fmt::Display for Between {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let near_end = match self {
            Self::FunctionsAndAws | Self::FunctionsAndEcs | Self::FunctionsAndGithub => "functions",
            Self::TasksAndApi => "tasks",
            Self::GithubAndApi => "GitHub",
        };
        write!(formatter, "{near_end} to {}", self.far_end())
    }
}

/// One line for each pair that talks.
pub struct Lines([Line; Between::ALL.len()]);

impl Lines {
    /// Opens them to where the emulator and the two models listen.
    pub async fn open(emulator: u16, ecs: u16, github: u16) -> Outcome<Self> {
        let [aws, api, webhooks] = [Line::open(emulator).await?, Line::open(emulator).await?, Line::open(emulator).await?];
        Ok(Self([aws, Line::open(ecs).await?, Line::open(github).await?, api, webhooks]))
    }

    /// One of them.
    pub fn between(&self, between: Between) -> &Line {
        let [aws, ecs, github, api, webhooks] = &self.0;
        match between {
            Between::FunctionsAndAws => aws,
            Between::FunctionsAndEcs => ecs,
            Between::FunctionsAndGithub => github,
            Between::TasksAndApi => api,
            Between::GithubAndApi => webhooks,
        }
    }

    /// Makes all of them whole, and takes all traps away.
    pub fn mend(&self) {
        for line in &self.0 {
            line.set(Condition::Whole);
            line.clear();
        }
    }
}
