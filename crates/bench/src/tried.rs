//! For the tests of the functions, each of which counts its own calls: a life of the program that cargo has built for them.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use crate::life::{Life, Plan, live};
use crate::problem::Problem;
use crate::subject::Subject;
use crate::world::{Before, World};

/// What looks like an App's key. Nobody can sign with it, and nobody has to where the token that is shared is good.
const NO_KEY: &str = "-----BEGIN PRIVATE KEY-----\nbm8ga2V5\nbm8ga2V5\n-----END PRIVATE KEY-----\n";

/// A function that a test has built.
#[derive(Debug)]
pub struct Tried {
    subject: Subject,
    key_pem: &'static str,
}

impl Tried {
    /// The function with its sample, as the bench calls it.
    pub fn new(name: &str, program: &str) -> Result<Self, Problem> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        Ok(Self { subject: Subject::of_program(name, Path::new(program), &root)?, key_pem: NO_KEY })
    }

    /// Where no task has a runner, nothing of AWS's but these answers is other than usual, and the credential is none.
    #[must_use]
    pub fn idle(mut self, answers: BTreeMap<String, Value>) -> Self {
        (self.subject.before, self.subject.answers, self.key_pem) = (Before::Running, answers, "");
        self
    }

    /// One life with so many warm calls. What it says goes into that folder.
    pub async fn live(&self, calls: usize, folder: &str) -> Result<Life, Problem> {
        let world = World::open(self.subject.before, 0, self.key_pem, self.subject.answers.clone()).await?;
        live(&self.subject, &world, &Plan { calls, log: Path::new(folder).join("calls.log"), instrument: Vec::new() }).await
    }
}
