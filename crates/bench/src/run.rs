//! The whole run: every function in turn, again and again, so that whatever else the machine does falls on all of them.

use std::fs;
use std::io::{IsTerminal as _, Write as _};

use crate::arguments::Arguments;
use crate::life::{Life, Plan, live};
use crate::problem::Problem;
use crate::results::{Results, Summary, machine};
use crate::subject::{Given, HELLO, Subject};
use crate::world::{World, new_key};
use crate::{compare, instructions, show};

/// Does what is asked.
pub async fn run(arguments: &Arguments, given: &Given) -> Result<(), Problem> {
    if let [old, new] = &arguments.compare[..] {
        compare::print(&Results::read(old)?, &Results::read(new)?);
        return Ok(());
    }
    // Read first, so that a wrong name is told before minutes have gone.
    let old = arguments.compare.first().map(|file| Results::read(file)).transpose()?;
    let subjects = subjects(arguments, given)?;
    if arguments.instructions {
        return instructions::print(&subjects, arguments.waiting, given).await;
    }
    let results = measure(&subjects, arguments, given).await?;
    show::print(&results);
    if let Some(old) = &old {
        println!();
        compare::print(old, &results);
    }
    arguments.json.as_ref().map_or(Ok(()), |file| results.write(file))
}

fn subjects(arguments: &Arguments, given: &Given) -> Result<Vec<Subject>, Problem> {
    let mut subjects = vec![Subject::of_ours(HELLO, given)?];
    subjects.extend(Subject::node(given));
    for name in arguments.functions() {
        subjects.push(Subject::of_ours(name, given)?);
    }
    for other in &arguments.other {
        let event = arguments.event.as_deref().ok_or_else(|| Problem::Stage("--other needs --event".to_owned()))?;
        subjects.push(other.subject(event, arguments.answers.as_deref())?);
    }
    Ok(subjects)
}

async fn measure(subjects: &[Subject], arguments: &Arguments, given: &Given) -> Result<Results, Problem> {
    let key = new_key()?;
    let mut worlds = Vec::with_capacity(subjects.len());
    for subject in subjects {
        worlds.push(World::open(subject.before, arguments.waiting, &key, subject.answers.clone()).await?);
    }
    let folder = log_folder(given)?;
    let mut lives: Vec<Vec<Life>> = vec![Vec::new(); subjects.len()];
    for run in 1..=arguments.runs {
        progress(run, arguments.runs);
        for ((subject, world), lives) in subjects.iter().zip(&worlds).zip(&mut lives) {
            let log = folder.join(format!("{}.log", subject.name.replace('/', "_")));
            let plan = Plan { calls: usize::from(arguments.calls), log, instrument: Vec::new() };
            lives.push(live(subject, world, &plan).await?);
        }
    }
    Ok(Results {
        machine: machine(),
        runs: usize::from(arguments.runs),
        calls: usize::from(arguments.calls),
        waiting: arguments.waiting,
        functions: subjects.iter().zip(&lives).filter_map(|(subject, lives)| Summary::of(subject, lives)).collect(),
    })
}

/// Where the functions' output goes: a file each, of the last life.
pub(crate) fn log_folder(given: &Given) -> Result<std::path::PathBuf, Problem> {
    let folder = given.packages.with_file_name("bench");
    fs::create_dir_all(&folder).map_err(Problem::machine(folder.display().to_string()))?;
    Ok(folder)
}

fn progress(run: u16, runs: u16) {
    if std::io::stderr().is_terminal() {
        eprint!("\r{run} of {runs} {}", if run == runs { "\n" } else { "" });
        let _ = std::io::stderr().flush();
    }
}
