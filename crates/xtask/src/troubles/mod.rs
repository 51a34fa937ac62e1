//! `cargo xtask troubles`: what goes wrong in the field, put into the local stack one thing at a time. The operator's command line must name each, with its
//! remedy, and only while it is there: before and after, it must not.
#![expect(clippy::unused_async, reason = "all troubles are put in by functions of one form, whether or not there is anything to wait for")]

mod aws;
mod fleets;
mod github;
mod scene;
mod table;

use std::time::Duration;

use clap::Args;
use tokio::time::{Instant, sleep};

use crate::demo::operator::{Operator, UNASKED};
use crate::interrupt::interrupted;
use crate::problem::{Outcome, Problem};
use crate::project::Project;
use crate::screen::{Screen, Tone};
use crate::stack::{Size, Stack};

use self::scene::{Asked, Line, Scene};
use self::table::{After, By, JOB, TROUBLES, Trouble};

/// Few, so that a fleet is soon full.
const MAXIMUM: usize = 2;

/// Decides every chance in the models.
const SEED: u64 = 1;

/// The longest until a trouble is named: a task must have run for 20 s before `why` wonders what it waits for.
const NAMED_WITHIN: Duration = Duration::from_secs(50);

/// The longest until it is named no more, once it is out.
const FORGOTTEN_WITHIN: Duration = Duration::from_secs(40);

/// A message that `scale` could not handle comes back after this: the three minutes of the template are longer than anybody wants to watch.
const GIVEN_BACK_AFTER_SECONDS: u64 = 10;

/// Between two questions.
const ASK_EVERY: Duration = Duration::from_millis(500);

/// What `doctor` may complain of at any time here: these tell of what has been, not of what is.
const ALWAYS: [&str; 2] = ["errors", "waiting jobs"];

/// What `doctor` complains of here although nothing is wrong: what was looked at, a piece of what it says, and why that is so.
const EXPECTED: [(&str, &str, &str); 1] = [(
    "alarms",
    "names no topic for them",
    "the local stack has no AlarmTopicArn, as the template's default has it: there is nobody to tell",
)];

/// Whether a trouble is put in or taken out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Put in.
    In,
    /// Taken out.
    Out,
}

/// What is tried.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Only troubles of these names.
    names: Vec<String>,
    /// Prints the table of troubles for docs/troubles.md, and tries nothing.
    #[arg(long)]
    list: bool,
}

/// Tries them; an error when one is not named, or is named when it is not there. Nothing that it started runs on, however it ends.
pub async fn run(project: &Project, arguments: &Arguments) -> Outcome {
    if arguments.list {
        println!("| trouble | what is wrong | named by |\n|---|---|---|");
        for trouble in TROUBLES {
            println!("{}", trouble.row());
        }
        return Ok(());
    }
    if let Some(name) = arguments.names.iter().find(|name| TROUBLES.iter().all(|trouble| trouble.name != **name)) {
        return Err(Problem::new(format!("there is no trouble {name}; `cargo xtask troubles --list` lists them")));
    }
    let chosen: Vec<&Trouble> =
        TROUBLES.iter().filter(|trouble| arguments.names.is_empty() || arguments.names.iter().any(|name| name == trouble.name)).collect();
    let stack = tokio::select! {
        stack = Stack::up(project, Size::new(MAXIMUM, SEED)) => stack?,
        () = interrupted() => return Err(Problem::new("interrupted; nothing is left running")),
    };
    let outcome = tokio::select! {
        outcome = perform(project, &stack, &chosen) => Some(outcome),
        () = interrupted() => None,
    };
    let logs = stack.run.path().to_path_buf();
    // What the functions said is worth most where something is not as it should be.
    let collected = stack.collect_logs().await;
    stack.down().await;
    let outcome = outcome.unwrap_or_else(|| Err(Problem::new("interrupted; nothing is left running"))).and(collected.map(drop));
    outcome.map_err(|problem| problem.next(format!("the logs of this run are in {}", logs.display())))
}

async fn perform(project: &Project, stack: &Stack, chosen: &[&Trouble]) -> Outcome {
    let screen = Screen::new(&stack.run, 0)?;
    let scene = Scene::new(stack, Operator::new(project, stack).await?);
    stack.give_back_after(GIVEN_BACK_AFTER_SECONDS).await?;
    let started = Instant::now();
    // Until a job has run, there is no delivery and no runner to judge by.
    scene.ends_well(scene.queue(JOB).id).await?;
    let mut before = scene.doctor().await?;
    for line in before.iter().filter(|line| line.complains()) {
        screen.line(Tone::Faint, &format!("with no trouble in: {} {}: {}", line.verdict, line.check, line.says));
    }
    // Whatever it complains of now, it would be allowed to say of every trouble.
    let complaints: Vec<String> = strays(&before).map(|line| format!("{}: {}", line.check, line.says)).collect();
    if !complaints.is_empty() {
        return Err(Problem::new(format!("with no trouble in, `doctor` complains of {complaints:#?}")));
    }
    let mut wrongs = Vec::new();
    for trouble in chosen {
        let began = Instant::now();
        let tried = attempt(&scene, trouble, &before).await;
        let seconds = began.elapsed().as_secs_f64();
        match tried {
            Ok(after) => {
                screen.line(Tone::Good, &format!("  ✓ {} ({seconds:.1} s)", trouble.name));
                before = after;
            }
            Err(problem) => {
                screen.line(Tone::Bad, &format!("  ✗ {} ({seconds:.1} s): {problem}", trouble.name));
                wrongs.push(trouble.name);
                // Whatever is left of it must not be taken for the next one.
                (trouble.act)(&scene, Step::Out).await.ok();
                github::cancel_all(&scene);
                scene.quiet().await.ok();
                scene.sweep().await?;
                before = scene.doctor().await?;
            }
        }
    }
    let seconds = started.elapsed().as_secs();
    if wrongs.is_empty() {
        screen.line(Tone::Good, &format!("\n{} troubles, each named with its remedy while it was there ({seconds} s)", chosen.len()));
        return Ok(());
    }
    Err(Problem::new(format!("{} of {} troubles are not named as they should be: {}", wrongs.len(), chosen.len(), wrongs.join(", "))))
}

/// Puts it in, has it named, takes it out, has it forgotten. Gives what `doctor` says in the end.
async fn attempt(scene: &Scene<'_>, trouble: &Trouble, before: &[Line]) -> Outcome<Vec<Line>> {
    if let Some(line) = before.iter().find(|line| names(trouble, line)) {
        return Err(Problem::new(format!("`doctor` names it before it is there: {}", line.says)));
    }
    let queued = || trouble.job.map(|job| scene.queue(job));
    let job = if trouble.late {
        let job = queued();
        scene.answered(job.map(|job| job.id)).await?;
        (trouble.act)(scene, Step::In).await?;
        job
    } else {
        (trouble.act)(scene, Step::In).await?;
        queued()
    };
    named(scene, trouble, job, before).await?;
    if let (Some(After::IsRedelivered), Some(job)) = (trouble.job.map(|job| job.after), job) {
        scene.ends_well_redelivered(job.id).await?;
    }
    (trouble.act)(scene, Step::Out).await?;
    match (trouble.job.map(|job| job.after), job) {
        (Some(After::Runs), Some(job)) => {
            scene.redeliver();
            scene.ends_well(job.id).await?;
        }
        (Some(After::IsCancelled), Some(job)) => {
            scene.cancel(job.id);
            scene.all_arrives().await?;
        }
        _ => {}
    }
    if trouble.lasts { Ok(before.to_vec()) } else { forgotten(scene, trouble, before).await }
}

/// Whether a line of `doctor` is one that must name the trouble.
fn names(trouble: &Trouble, line: &Line) -> bool {
    let fits = |by: &By| matches!(by, By::Doctor(check, says, _) if line.check == *check && line.says.contains(says));
    // What was complained of before is no sign of anything.
    line.complains() && !ALWAYS.contains(&line.check.as_str()) && trouble.named.iter().any(fits)
}

/// The complaints that nothing excuses but a trouble. That something could not be asked is never excused.
fn strays(lines: &[Line]) -> impl Iterator<Item = &Line> {
    let expected = |line: &Line| EXPECTED.iter().any(|(check, says, _)| line.check == *check && line.says.contains(says));
    let excused = move |line: &Line| !line.says.contains(UNASKED) && (ALWAYS.contains(&line.check.as_str()) || expected(line));
    lines.iter().filter(move |line| line.complains() && !excused(line))
}

async fn named(scene: &Scene<'_>, trouble: &Trouble, job: Option<Asked>, before: &[Line]) -> Outcome {
    for by in trouble.named {
        let started = Instant::now();
        loop {
            let missing = match by {
                By::Why(word, remedy) => match job {
                    Some(job) => by_why(scene, job, word, remedy).await?,
                    None => Some("no job is there to ask about".to_owned()),
                },
                By::Doctor(check, says, remedy) => by_doctor(scene, trouble, [check, says, remedy], before).await?,
            };
            let Some(missing) = missing else { break };
            if started.elapsed() > NAMED_WITHIN {
                return Err(Problem::new(missing));
            }
            sleep(ASK_EVERY).await;
        }
    }
    Ok(())
}

async fn by_why(scene: &Scene<'_>, job: Asked, word: &str, remedy: &str) -> Outcome<Option<String>> {
    let answer = scene.why(job).await?;
    let fine = answer["cause"]["waits_for"] == word && answer["remedy"].as_str().is_some_and(|told| told.contains(remedy));
    Ok((!fine).then(|| format!("`why` should say {word} with the remedy {remedy:?}, and says {answer:#}")))
}

async fn by_doctor(scene: &Scene<'_>, trouble: &Trouble, [check, says, remedy]: [&str; 3], before: &[Line]) -> Outcome<Option<String>> {
    let lines = scene.doctor().await?;
    let complaints = || lines.iter().filter(|line| line.complains());
    if !complaints().any(|line| line.check == check && line.says.contains(says) && line.remedy.contains(remedy)) {
        let said: Vec<String> = complaints().map(|line| format!("{}: {} [{}]", line.check, line.says, line.remedy)).collect();
        return Ok(Some(format!("`doctor` should say of {check:?} {says:?} with the remedy {remedy:?}, and complains of {said:#?}")));
    }
    let known = |line: &Line| {
        let check = line.check.as_str();
        let expected = trouble.named.iter().any(|by| matches!(by, By::Doctor(of, ..) if *of == check));
        expected
            || trouble.follows.contains(&check)
            // Left of a trouble that was not named as it should be.
            || strays(before).any(|earlier| earlier.check == check)
    };
    let stray = strays(&lines).find(|line| !known(line));
    Ok(stray.map(|line| format!("`doctor` complains of {:?} as well: {}", line.check, line.says)))
}

async fn forgotten(scene: &Scene<'_>, trouble: &Trouble, before: &[Line]) -> Outcome<Vec<Line>> {
    let started = Instant::now();
    loop {
        let lines = scene.doctor().await?;
        let was = |line: &Line| strays(before).any(|earlier| earlier.check == line.check);
        let left = strays(&lines).find(|line| !was(line));
        let Some(left) = left.or_else(|| lines.iter().find(|line| names(trouble, line))) else { return Ok(lines) };
        if started.elapsed() > FORGOTTEN_WITHIN {
            return Err(Problem::new(format!("`doctor` still complains of {:?} after it was taken out: {}", left.check, left.says)));
        }
        scene.sweep().await?;
        sleep(ASK_EVERY).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_stack_without_troubles_only_what_has_a_reason_is_excused() {
        let line = |verdict: &str, check: &str, says: &str| Line {
            check: check.to_owned(),
            verdict: verdict.to_owned(),
            says: says.to_owned(),
            remedy: String::new(),
        };
        let excused = [
            line("ok", "vCPU quota", "6 Fargate On-Demand vCPUs for the 4 that the fleets' maxima need"),
            line("warning", "errors", "scale: 1 error in the last 15 min"),
            line("warning", "alarms", "nobody is told of any: fargate-runners names no topic for them"),
        ];
        assert_eq!(strays(&excused).next(), None);
        let wrong = [
            line("wrong", "vCPU quota", "the account may run 1 Fargate On-Demand vCPUs, and the fleets' maxima need 4"),
            line("warning", "alarms", "not there: fargate-runners-OldestQueued"),
            line("warning", "errors", "the log of scale could not be asked: AccessDenied"),
        ];
        assert_eq!(strays(&wrong).count(), wrong.len());
        for (_, says, why) in EXPECTED {
            assert!(!says.is_empty() && !why.is_empty(), "an excuse is for one complaint, and has a reason");
        }
    }
}
