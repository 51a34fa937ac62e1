//! What is measured: the project's functions, the floors, and whatever else has a command line.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::problem::Problem;
use crate::world::{Before, STACK_ID, STACK_NAME, WEBHOOK_URL};

/// The functions that are deployed.
pub const FUNCTIONS: [&str; 5] = ["webhook", "register", "deregister", "scale", "sweep"];

/// The package of the floor in Rust.
pub const HELLO: &str = "hello";

/// The floor in Node.
const NODE: &str = "hello (node)";

/// Which sample each function gets, and what has happened before it.
const SAMPLES: [(&str, &str, Before); 5] = [
    ("webhook", "webhook-queued", Before::Running),
    ("register", "register-registrations", Before::Running),
    ("deregister", "deregister-stopped-exit-1", Before::Registered),
    ("scale", "scale-fleets", Before::Registered),
    ("sweep", "sweep-schedule", Before::Registered),
];

/// What a floor is called with; it looks at nothing.
const NO_EVENT: &str = "{}";

/// Something that is measured.
#[derive(Debug, Clone)]
pub struct Subject {
    /// Its name in the table.
    pub name: String,
    /// The program and its arguments.
    pub command: Vec<String>,
    /// The event, as JSON.
    pub event: String,
    /// What has happened before it.
    pub before: Before,
    /// Its package as it is uploaded, in bytes.
    pub zipped_bytes: Option<u64>,
    /// Answers that go before the world's own.
    pub answers: BTreeMap<String, serde_json::Value>,
}

/// Where things are.
#[derive(Debug, Clone)]
pub struct Given {
    /// The checkout.
    pub root: PathBuf,
    /// The folder with a folder for each package: `bootstrap` and `bootstrap.zip`.
    pub packages: PathBuf,
}

/// Another system's function, as `NAME=COMMAND…`.
#[derive(Debug, Clone)]
pub struct Other {
    name: String,
    command: Vec<String>,
}

impl FromStr for Other {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, command) = text.split_once('=').ok_or("it must be NAME=COMMAND, such as 'theirs=node index.mjs'")?;
        let command: Vec<String> = command.split_whitespace().map(str::to_owned).collect();
        if name.is_empty() || command.is_empty() {
            return Err("neither the name nor the command may be empty".to_owned());
        }
        Ok(Self { name: name.to_owned(), command })
    }
}

impl Other {
    /// What is measured, with its event.
    pub fn subject(&self, event: &Path, answers: Option<&Path>) -> Result<Subject, Problem> {
        let answers = match answers {
            None => BTreeMap::new(),
            Some(path) => serde_json::from_str(&read(path)?).map_err(Problem::json(path.display().to_string()))?,
        };
        Ok(Subject {
            name: self.name.clone(),
            command: self.command.clone(),
            event: read(event)?,
            before: Before::Running,
            zipped_bytes: None,
            answers,
        })
    }
}

impl Subject {
    /// One of the project's functions, or the floor in Rust.
    pub fn of_ours(name: &str, given: &Given) -> Result<Self, Problem> {
        let folder = given.packages.join(name);
        let size = |file: &str| fs::metadata(folder.join(file)).map(|data| data.len());
        size("bootstrap").map_err(Problem::machine(format!("{name} is not built: {}", folder.join("bootstrap").display())))?;
        let zipped_bytes = size("bootstrap.zip").ok();
        Ok(Self { zipped_bytes, ..Self::of_program(name, &folder.join("bootstrap"), &given.root)? })
    }

    /// The same, from a program that is somewhere else.
    pub(crate) fn of_program(name: &str, program: &Path, root: &Path) -> Result<Self, Problem> {
        let sample = SAMPLES.iter().find(|(function, _, _)| *function == name);
        let event = match sample {
            Some((_, sample, _)) => read(&root.join("events").join(format!("{sample}.json")))?,
            None => NO_EVENT.to_owned(),
        };
        Ok(Self {
            name: name.to_owned(),
            command: vec![program.display().to_string()],
            event,
            before: sample.map_or(Before::Running, |(_, _, before)| *before),
            zipped_bytes: None,
            answers: BTreeMap::new(),
        })
    }

    /// The floor in Node, where Node is.
    #[must_use]
    pub fn node(given: &Given) -> Option<Self> {
        let program = std::env::split_paths(&std::env::var_os("PATH")?).map(|folder| folder.join("node")).find(|node| node.is_file())?;
        let script = given.root.join("crates/bench/floors/hello.mjs");
        Some(Self {
            name: NODE.to_owned(),
            command: vec![program.display().to_string(), script.display().to_string()],
            event: NO_EVENT.to_owned(),
            before: Before::Running,
            zipped_bytes: None,
            answers: BTreeMap::new(),
        })
    }
}

/// The variables that Lambda and the template give to a function, with the endpoints in place of AWS.
#[must_use]
pub(crate) fn environment(name: &str, runtime_api: &str, aws_url: &str) -> Vec<(&'static str, String)> {
    let queue = |queue: &str| format!("{aws_url}/123456789012/{STACK_NAME}-{queue}");
    vec![
        ("AWS_LAMBDA_RUNTIME_API", runtime_api.to_owned()),
        ("AWS_LAMBDA_FUNCTION_NAME", format!("{STACK_NAME}-{name}")),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128".to_owned()),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST".to_owned()),
        ("AWS_LAMBDA_LOG_GROUP_NAME", format!("/fargate-runners/{STACK_NAME}/functions/{name}")),
        ("AWS_LAMBDA_LOG_STREAM_NAME", "bench".to_owned()),
        ("AWS_LAMBDA_LOG_FORMAT", "JSON".to_owned()),
        ("AWS_LAMBDA_LOG_LEVEL", "INFO".to_owned()),
        ("AWS_REGION", "us-east-1".to_owned()),
        ("AWS_ACCESS_KEY_ID", "ASIAEXAMPLEEXAMPLE12".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "bench".to_owned()),
        ("AWS_SESSION_TOKEN", "bench".to_owned()),
        ("AWS_ENDPOINT_URL", aws_url.to_owned()),
        ("_HANDLER", "bootstrap".to_owned()),
        ("STACK_NAME", STACK_NAME.to_owned()),
        ("STACK_ID", STACK_ID.to_owned()),
        ("TABLE_NAME", format!("{STACK_NAME}-table")),
        ("EVENT_BUS_NAME", STACK_NAME.to_owned()),
        ("FLEET_QUEUE_URL", queue("fleets.fifo")),
        ("WAKE_UP_QUEUE_URL", queue("wake-up")),
        ("DEAD_LETTER_QUEUE_URL", queue("fleets-dead.fifo")),
        ("RETRY_QUEUE_URL", queue("retry")),
        ("EVENT_DEAD_LETTERS_URL", queue("events-dead")),
        ("FLEET_DEAD_LETTERS_URL", queue("fleets-dead.fifo")),
        ("WAKE_UP_DEAD_LETTERS_URL", queue("wake-up-dead")),
        ("RETRY_DEAD_LETTERS_URL", queue("retry-dead")),
        ("RETRY_INTERRUPTED_JOBS", "false".to_owned()),
        ("WEBHOOK_URL", WEBHOOK_URL.to_owned()),
    ]
}

fn read(path: &Path) -> Result<String, Problem> {
    fs::read_to_string(path).map_err(Problem::machine(path.display().to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_systems_function_is_a_name_and_a_command() {
        let other: Other = "theirs=env A=B node index.mjs".parse().unwrap();
        assert_eq!((other.name.as_str(), other.command.join("|").as_str()), ("theirs", "env|A=B|node|index.mjs"));
        for bad in ["node index.mjs", "=node", "theirs="] {
            assert!(bad.parse::<Other>().is_err(), "{bad}");
        }
    }
}
