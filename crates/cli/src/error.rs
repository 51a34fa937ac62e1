//! What can go wrong with a question, each with what to do and an exit code that scripts can rely on.

use fargate_runners_github::GithubError;
use fargate_runners_use_cases::ports::{PortError, Retry, chain};
use std::path::PathBuf;

/// Something is wrong with what was asked about.
pub const FOUND_WRONG: u8 = 1;

/// AWS or GitHub could not be asked, or did not do what it was asked for in time.
const NOT_ASKED: u8 = 3;

/// The command line, or what it names, cannot be used. What clap says of a command line, too.
const NOT_USABLE: u8 = 2;

/// There is no such thing.
const NOT_FOUND: u8 = 4;

/// Ctrl-C, as shells have it.
pub const INTERRUPTED: u8 = 130;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// There is no such stack, or it lacks something.
    #[error("there is no stack {name} in {region}")]
    NoStack {
        /// Its name.
        name: String,
        /// Where it was looked for.
        region: String,
    },
    /// The stack is another one.
    #[error("the stack {stack} has no output {output}: it is not this project's, or an older version's")]
    NoOutput {
        /// Which stack.
        stack: String,
        /// Which output.
        output: &'static str,
    },
    /// No fleet of that name.
    #[error("there is no fleet {0}; there are: {1}")]
    NoFleet(String, String),
    /// No such job, runner or task.
    #[error("{0}")]
    Unknown(String),
    /// No region is set.
    #[error("no AWS region is set; give --region, or set AWS_REGION or the profile's region")]
    NoRegion,
    /// What was given (an argument, a file, an answer to a prompt) is not usable: another command line would be.
    #[error("{0}")]
    Given(String),
    /// Something at GitHub or in the stack is not as it must be, and has to be put right there first: no other command line helps.
    #[error("{0}")]
    Wrong(String),
    /// A file could not be read.
    #[error("{} could not be read", .0.display())]
    File(PathBuf, #[source] std::io::Error),
    /// A call failed.
    #[error("{what} failed")]
    Call {
        /// What was tried, and on what.
        what: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// GitHub was asked, and did not do it.
    #[error("{what} failed")]
    Github {
        /// What was tried, and on what.
        what: String,
        /// Why, with what to do.
        #[source]
        source: Box<GithubError>,
    },
    /// Something did not happen in time; what was done so far stands.
    #[error("{what}")]
    NotYet {
        /// What did not happen.
        what: String,
        /// What to do.
        next: &'static str,
    },
    /// A call of an adapter failed.
    #[error(transparent)]
    Port(#[from] PortError),
    /// A function answered with an error.
    #[error("the function {function} failed: {said}")]
    Function {
        /// Which one.
        function: String,
        /// What it said.
        said: String,
    },
    /// An answer could not be read or written.
    #[error("an answer is not as expected")]
    Json(#[from] serde_json::Error),
    /// The output could not be written.
    #[error("the output could not be written")]
    Output(#[from] std::io::Error),
}

impl CliError {
    /// A call that failed.
    pub fn call(what: impl Into<String>, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Call { what: what.into(), source: source.into() }
    }

    /// A call to GitHub that failed.
    pub fn github(what: impl Into<String>, source: GithubError) -> Self {
        Self::Github { what: what.into(), source: Box::new(source) }
    }

    /// For scripts.
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::NoStack { .. } | Self::NoFleet(..) | Self::Unknown(_) => NOT_FOUND,
            Self::Given(_) | Self::File(..) => NOT_USABLE,
            Self::Wrong(_) => FOUND_WRONG,
            _ => NOT_ASKED,
        }
    }

    /// Whether the same question may well be answered a moment later: AWS throttles, or an answer did not come.
    pub fn passes(&self) -> bool {
        match self {
            Self::Port(error) => error.retry != Retry::Never,
            Self::Call { .. } => {
                let said = chain(self).to_ascii_lowercase();
                PASSING.iter().any(|word| said.contains(word))
            }
            _ => false,
        }
    }

    /// What a person can do about it.
    pub fn remedy(&self) -> Option<&'static str> {
        match self {
            Self::NoStack { .. } => Some("name it with --stack, and its region with --region; `aws cloudformation list-stacks` lists them"),
            Self::NoOutput { .. } => Some("deploy the current template, or name the right stack with --stack"),
            Self::Port(error) if error.retry == Retry::Throttled => Some("AWS throttles; try again in a minute"),
            Self::NotYet { next, .. } => Some(next),
            Self::Port(_) | Self::Call { .. } => Some(of_aws_words(&chain(self))),
            _ => None,
        }
    }
}

/// AWS's words, and those of the way to it, for what passes by itself.
const PASSING: [&str; 7] = ["throttl", "rate exceeded", "timeout", "timed out", "dispatch failure", "service unavailable", "internal"];

/// What to do about a call of AWS that failed, by AWS's words for it; the first that fits.
const REMEDIES: &[(&[&str], &str)] = &[
    (&["expired"], "your AWS credentials have expired: log in anew (`aws sso login`, or however you got them)"),
    (
        &[
            "invalidclienttoken",
            "unrecognizedclient",
            "invalidaccesskey",
            "signaturedoesnotmatch",
            "token included in the request is invalid",
        ],
        "AWS does not know your credentials: check the profile (--profile), and that they are of this account and partition",
    ),
    (
        &["no credentials", "credentials provider", "not loaded", "failed to load"],
        "no AWS credentials were found: log in, name a profile with --profile, or set AWS_PROFILE",
    ),
    (
        &["denied", "not authorized"],
        "your role needs the managed policy of the output OperatorPolicyArn, and for `setup` that of SetupPolicyArn too",
    ),
    (&["throttl", "rate exceeded"], "AWS throttles; try again in a minute"),
    (
        &["dispatch failure", "dns", "connect", "timed out", "timeout"],
        "AWS could not be reached: check the region (--region), and the way from here to the internet",
    ),
    (&["resourcenotfound", "does not exist", "clusternotfound"], "something of the stack is gone: `fargate-runners doctor` says what"),
];

fn of_aws_words(said: &str) -> &'static str {
    let said = said.to_ascii_lowercase();
    let found = REMEDIES.iter().find(|(words, _)| words.iter().any(|word| said.contains(word))).map(|(_, remedy)| *remedy);
    found.unwrap_or("try again; `fargate-runners doctor` looks for what is wrong")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_by_itself_is_told_from_what_somebody_must_mend() {
        for (said, passes) in [
            ("ThrottlingException: Rate exceeded", true),
            ("operation timeout (all attempts including retries) occurred after 30s", true),
            ("dispatch failure: io error: connection reset", true),
            ("ExpiredToken: The security token included in the request is expired", false),
            ("AccessDenied: not authorized", false),
        ] {
            assert_eq!(CliError::call("asking", said.to_owned()).passes(), passes, "{said}");
        }
        let port = |retry| CliError::Port(PortError::new("reading", retry, "no"));
        assert!(port(Retry::Throttled).passes() && port(Retry::UnknownEffect).passes() && !port(Retry::Never).passes());
        assert!(!CliError::NoRegion.passes());
    }

    #[test]
    fn an_exit_code_says_who_has_to_do_something() {
        let wrong = std::io::Error::from(std::io::ErrorKind::NotFound);
        for (error, code) in [
            (CliError::Wrong("the App is suspended".to_owned()), 1),
            (CliError::Given("the token was not entered".to_owned()), 2),
            (CliError::File("token.txt".into(), wrong), 2),
            (CliError::call("asking", "denied".to_owned()), 3),
            (CliError::NotYet { what: "no ping arrived".to_owned(), next: "see the logs" }, 3),
            (CliError::Unknown("there is no credential".to_owned()), 4),
            (CliError::NoStack { name: "runners".to_owned(), region: "eu-west-1".to_owned() }, 4),
        ] {
            assert_eq!(error.exit_code(), code, "{error}");
        }
    }

    /// The codes that a list of them names, in its order.
    fn listed<'a>(words: impl Iterator<Item = &'a str>) -> Vec<u8> {
        words.filter_map(|word| word.parse().ok()).collect()
    }

    #[test]
    fn the_readme_and_the_help_list_the_exit_codes_that_there_are() {
        use clap::CommandFactory as _;
        let codes = [0, FOUND_WRONG, NOT_USABLE, NOT_ASKED, NOT_FOUND, INTERRUPTED];
        let help = crate::arguments::Arguments::command().get_after_help().map(ToString::to_string).unwrap_or_default();
        assert_eq!(listed(help.lines().filter_map(|line| line.split_whitespace().next())), codes);
        let readme = include_str!("../../../README.md");
        let list = readme.split("Exit codes: ").nth(1).and_then(|rest| rest.split("\n\n").next()).unwrap_or_default();
        assert_eq!(listed(list.split_whitespace()), codes, "{list}");
    }

    #[test]
    fn a_call_that_failed_is_told_with_what_to_do_about_it() {
        for (said, remedy) in [
            ("ExpiredToken: The security token included in the request is expired", "log in anew"),
            ("InvalidClientTokenId: The security token included in the request is invalid.", "--profile"),
            ("the credentials provider was not properly configured", "no AWS credentials"),
            ("AccessDenied: User x is not authorized to perform: cloudformation:DescribeStacks", "OperatorPolicyArn"),
            ("dispatch failure: io error: dns error", "--region"),
            ("ResourceNotFoundException: Requested resource not found", "doctor"),
            ("who knows", "try again"),
        ] {
            let error = CliError::call("asking", said.to_owned());
            assert!(error.remedy().is_some_and(|told| told.contains(remedy)), "{said}: {:?}", error.remedy());
        }
    }
}
