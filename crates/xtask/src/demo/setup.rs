//! `fargate-runners setup` against the stack that the demo has up, by a role that has the template's two policies for it: from no credential at all to an App
//! that is installed, through a real browser; and then everything else that it does, the rotations among it.

use std::fs;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use fargate_runners_local_stack::github::AppKey;
use fargate_runners_model_github::{Answer, GithubModel};
use secrecy::ExposeSecret as _;
use serde_json::json;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::time::timeout;

use crate::problem::{Outcome, Problem};
use crate::project::Project;
use crate::stack::{CONTROL_PLANE, RunFolder, Stack};

use super::browser::{Browser, Tab};
use super::operator::{Operator, Said};

/// What the step is called.
pub const STEP: &str = "fargate-runners setup, through a headless browser: the App, its key, its webhook";

/// The role of whoever sets GitHub's side up.
const ROLE: &str = "setup";

/// The longest that the whole of it may take, on a machine that is busy.
const SET_UP_WITHIN: Duration = Duration::from_secs(180);

/// The example that runs while the jobs do.
const ROTATION: &str = "fargate-runners setup --rotate webhook-secret";

/// The credential of the stack's fleets.
const CREDENTIAL: &str = "default";

/// Where its App waits until it is installed.
const NEXT_CREDENTIAL: &str = "default/next";

/// A classic token, for the last example. In two parts, so that no search for secrets takes it for a real one.
const TOKEN: &str = concat!("ghp", "_0123456789abcdefghijABCDEFGHIJ012345");

/// Whoever has set it up.
pub struct Setup<'a> {
    person: Operator<'a>,
    run: RunFolder,
    github: Arc<Mutex<GithubModel>>,
    refused_before: usize,
}

impl<'a> Setup<'a> {
    /// Runs `setup` where nothing is there, and does in the browser what it asks for.
    pub async fn from_nothing(project: &'a Project, stack: &Stack) -> Outcome<Self> {
        let person = Operator::of(project, stack, ROLE, &["OperatorPolicyArn", "SetupPolicyArn"]).await?;
        let browser = Browser::start(&stack.run).await?;
        let outcome = timeout(SET_UP_WITHIN, through(&person, &browser, stack)).await;
        browser.close().await;
        let said = outcome.map_err(|_| Problem::new(format!("`setup` was not done within {} s", SET_UP_WITHIN.as_secs())))??;
        keep(&stack.run, "setup-from-nothing", &said)?;
        if said.code != Some(0) || !said.out.contains("a ping arrived") {
            return Err(Problem::new(format!("`setup` ended with {:?}: {}{}", said.code, said.out, said.err)));
        }
        let stored = credentials(stack).await?;
        if stored != [CREDENTIAL] {
            return Err(Problem::new(format!("`setup` ended, and these credentials are stored: {stored:?}")));
        }
        // What it asked of GitHub is nothing that jobs take.
        stack.github.with(|model, _| model.reset_counters());
        let github = stack.github.model();
        let refused_before = refused(&github);
        Ok(Self { person, run: stack.run.clone(), github, refused_before })
    }

    /// Changes the webhook's secret, while whatever else goes on. Says what is wrong with it.
    pub async fn rotate_webhook_secret(&self) -> Outcome<Vec<Problem>> {
        self.example(ROTATION, &arguments(ROTATION)).await
    }

    /// Runs the examples of its help that have not run yet. Gives how many ran in all, and what is wrong.
    pub async fn examples(&self, stack: &Stack) -> Outcome<(usize, Vec<Problem>)> {
        let help = self.person.run(&["setup".into(), "--help".into()]).await?.out;
        let examples: Vec<&str> = help.lines().map(str::trim).filter(|line| line.starts_with("fargate-runners setup")).collect();
        if !examples.contains(&ROTATION) {
            return Err(Problem::new(format!("the help of `setup` has no example `{ROTATION}`")));
        }
        let mut wrongs = Vec::new();
        let refused = refused(&self.github) - self.refused_before;
        if refused > 0 {
            wrongs.push(Problem::new(format!("{refused} deliveries were refused while the webhook's secret was changed")));
        }
        let Some(app) = stack.github.with(|model, _| model.app_ids().last()) else { return Err(Problem::new("GitHub has no App")) };
        for example in examples.iter().filter(|example| **example != ROTATION) {
            let mut arguments = arguments(example);
            for argument in &mut arguments {
                match argument.as_str() {
                    "new.private-key.pem" => *argument = self.new_key(stack, app)?.display().to_string(),
                    "token.txt" => *argument = self.new_token(stack)?.display().to_string(),
                    _ => {}
                }
            }
            wrongs.extend(self.example(example, &arguments).await?);
            if example.contains("--rotate key") {
                // The old key is no use any more: what follows stands on the new one.
                stack.github.with(|model, _| model.delete_oldest_app_key(app));
                wrongs.extend(self.example("fargate-runners setup", &["setup".into()]).await?);
            }
        }
        if stack.github.with(|model, _| model.app_ids().count()) != 1 {
            wrongs.push(Problem::new("`setup` made another App although one was there"));
        }
        Ok((examples.len(), wrongs))
    }

    async fn example(&self, example: &str, arguments: &[String]) -> Outcome<Vec<Problem>> {
        let said = self.person.run(arguments).await?;
        keep(&self.run, &example.replace(['/', ' '], "-"), &said)?;
        let fine = said.code == Some(0)
            && !said.out.trim().is_empty()
            && (!example.contains("--token-file") || said.err.contains("Delete the file"))
            && (example.contains("--rotate key") || said.out.contains("a ping arrived"));
        let wrong = (!fine).then(|| Problem::new(format!("`{example}` ended with {:?}: {}{}", said.code, said.out, said.err)));
        Ok(wrong.into_iter().collect())
    }

    /// What GitHub's page would have downloaded: it lies where nobody looks for secrets.
    fn new_key(&self, stack: &Stack, app: u64) -> Outcome<PathBuf> {
        let key = AppKey::generate().map_err(|error| Problem::new(format!("no second key for the App: {error}")))?;
        stack.github.with(|model, _| model.add_app_key(app, key.public_pem()));
        let file = self.run.temporary().join("new.private-key.pem");
        fs::write(&file, key.private_pem().expose_secret())?;
        Ok(file)
    }

    fn new_token(&self, stack: &Stack) -> Outcome<PathBuf> {
        stack.github.with(|model, _| model.add_pat(TOKEN));
        let file = self.run.temporary().join("token.txt");
        fs::write(&file, TOKEN)?;
        Ok(file)
    }
}

/// The names of the credentials that are stored, below the path that all of them share.
async fn credentials(stack: &Stack) -> Outcome<Vec<String>> {
    let path = format!("/{CONTROL_PLANE}/credentials");
    let asked = json!({ "Path": path, "Recursive": true });
    let found = stack.aws.json("ssm", "AmazonSSM.GetParametersByPath", &asked).await.map_err(|error| Problem::new(error.to_string()))?;
    let names = found["Parameters"].as_array().into_iter().flatten().filter_map(|parameter| parameter["Name"].as_str());
    Ok(names.filter_map(|name| name.strip_prefix(&path)?.strip_prefix('/')).map(str::to_owned).collect())
}

/// `setup` and the browser, hand in hand.
async fn through(person: &Operator<'_>, browser: &Browser, stack: &Stack) -> Outcome<Said> {
    let mut command = person.command(&["setup".into(), "--no-browser".into()]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let (Some(mut out), Some(err)) = (child.stdout.take(), child.stderr.take()) else { return Err(Problem::new("`setup` has no output")) };
    let (mut lines, mut err) = (BufReader::new(err).lines(), String::new());
    let mut page = None;
    while page.is_none() {
        let Some(line) = lines.next_line().await? else { break };
        page = line.trim().starts_with("http://127.0.0.1:").then(|| line.trim().to_owned());
        err.push_str(&line);
        err.push('\n');
    }
    let clicked = async {
        let Some(page) = page else { return Ok(()) };
        browser.open(&page).await?;
        browser.press("#create").await?;
        browser.press("#create-app").await?;
        browser.read("#next").await?;
        let stored = credentials(stack).await?;
        if stored != [NEXT_CREDENTIAL] {
            return Err(Problem::new(format!("the App is made and not installed, and these credentials are stored: {stored:?}")));
        }
        // Loaded once more, the first page makes no second App, and leads back.
        browser.open(&page).await?;
        browser.press("#made a").await?;
        browser.press("#next").await?;
        browser.turn_to(Tab::Second).await?;
        browser.press("#install").await?;
        browser.read("#installed").await?;
        browser.turn_to(Tab::First).await?;
        let last = browser.read("#over").await?;
        if last.contains("All is set up") { Ok(()) } else { Err(Problem::new(format!("the page says: {last}"))) }
    };
    let listening = async {
        let mut text = String::new();
        out.read_to_string(&mut text).await?;
        while let Some(line) = lines.next_line().await? {
            err.push_str(&line);
            err.push('\n');
        }
        let status = child.wait().await?;
        Ok::<_, Problem>(Said { code: status.code(), out: text, err })
    };
    let (clicked, said) = tokio::join!(clicked, listening);
    let said = said?;
    clicked.map_err(|problem| Problem::new(format!("{problem}; `setup` said: {}{}", said.out, said.err)))?;
    Ok(said)
}

fn arguments(example: &str) -> Vec<String> {
    example.split_whitespace().skip(1).map(str::to_owned).collect()
}

/// Deliveries that were answered with 401 so far.
fn refused(github: &Mutex<GithubModel>) -> usize {
    let model = github.lock().unwrap_or_else(PoisonError::into_inner);
    model.deliveries().filter(|delivery| delivery.answer == Some(Answer::Status(401))).count()
}

/// Keeps what was printed where secrets are looked for.
fn keep(run: &RunFolder, name: &str, said: &Said) -> Outcome {
    fs::write(run.path().join(format!("{name}.log")), format!("{}{}", said.out, said.err))?;
    Ok(())
}
