//! `doctor`: what goes wrong in the field, line by line, each with what to do.
//!
//! What is asked is gathered here; what follows from it is decided by the modules below, which are pure. A question that cannot be asked is a line too.

mod account;
mod alarms;
mod finding;
mod fleet;
mod github;
mod triggers;
mod webhooks;

#[cfg(test)]
mod tests;

use crate::error::CliError;
use crate::facts::{self, FleetFacts};
use crate::said;
use crate::screen::{Answer, Screen, Tone, coloured};
use crate::stack::Stack;
use crate::words::{count, duration};
use account::{Account, FUNCTIONS};
use fargate_runners_use_cases::inquiry::{self, Inquiry};
use fargate_runners_use_cases::ports::{Survey as _, chain};
use finding::{Finding, Verdict};
use serde::Serialize;
use triggers::Triggers;

/// Looks. All is well if nothing is wrong; warnings do not count.
pub async fn run(stack: &Stack, screen: &Screen) -> Result<bool, CliError> {
    let mut findings = Vec::new();
    let facts = match stack.fleets().await {
        Ok(list) => match facts::fleets(stack, None, screen).await {
            Ok(facts) => {
                findings.extend(fleet::descriptions(&list.unreadable, &facts));
                facts
            }
            Err(error) => {
                findings.push(Finding::unknown("ledger", format!("the table {}", stack.table), &chain(&error)));
                Vec::new()
            }
        },
        Err(error) => {
            findings.push(Finding::unknown("fleets", "the fleets' descriptions", &chain(&error)));
            Vec::new()
        }
    };
    let account = {
        let _doing = screen.doing("asking AWS about quotas, queues, alarms and functions");
        Account::read(stack, &facts).await
    };
    findings.extend(account.findings());
    {
        let _doing = screen.doing("looking at what starts the functions, and at what they complain of");
        findings.extend(Triggers::read(stack, &facts).await.findings());
        findings.extend(complaints(stack, &facts).await);
    }
    for facts in &facts {
        let _doing = screen.doing(format!("asking ECS about fleet {}", facts.fleet.name));
        let services = stack.ecs().services(&facts.fleet).await;
        findings.extend(fleet::findings(facts, services.as_deref().unwrap_or_default(), Stack::now()));
        if let Err(error) = services {
            findings.push(Finding::unknown("services", &facts.fleet.name, &chain(&error)));
        }
    }
    let doing = screen.doing("sweep asks GitHub about credentials, webhooks and runner groups; this can take a minute");
    match stack.ask_sweep::<inquiry::Answer>(&serde_json::json!({ "inquiry": Inquiry::Github })).await {
        Ok(inquiry::Answer::Github(answer)) => {
            findings.extend(github::findings(&answer, &fleets(&facts), account.retries_jobs, Stack::now()));
        }
        Ok(inquiry::Answer::Job(_)) => findings.push(Finding::unknown("GitHub", "sweep", "it answered another question")),
        Err(error) => findings.push(Finding::unknown("GitHub", "sweep", &chain(&error))),
    }
    drop(doing);
    let diagnosis = Diagnosis { stack: stack.name.clone(), findings };
    screen.answer(&diagnosis)?;
    Ok(diagnosis.findings.iter().all(|finding| finding.verdict != Verdict::Wrong))
}

/// What the functions call an error, each of them once: the newest.
async fn complaints(stack: &Stack, facts: &[FleetFacts]) -> Vec<Finding> {
    const CHECK: &str = "errors";
    let mut findings = Vec::new();
    for function in FUNCTIONS {
        match said::lately(stack, function).await {
            Ok(complaints) => {
                if function == "register" {
                    findings.extend(facts.iter().filter_map(|facts| fleet::registrations(facts, &complaints)));
                }
                let errors: Vec<_> = complaints.iter().filter(|complaint| complaint.is_error).collect();
                findings.extend(errors.last().map(|newest| {
                    let number = count(u32::try_from(errors.len()).unwrap_or(u32::MAX), "error");
                    let minutes = said::LATELY.as_secs() / 60;
                    let ago = duration(Stack::now().since(newest.at));
                    Finding::warning(
                        CHECK,
                        format!("{function}: {number} in the last {minutes} min, the newest {ago} ago: {}", newest.what),
                        format!("The other lines may say why; else the log group /fargate-runners/{}/functions/{function}.", stack.name),
                    )
                }));
            }
            Err(why) => findings.push(Finding::unknown(CHECK, format!("the log of {function}"), &why)),
        }
    }
    if findings.is_empty() {
        findings.push(Finding::ok(CHECK, "no function has logged one lately"));
    }
    findings
}

fn fleets(facts: &[FleetFacts]) -> Vec<fargate_runners_core::fleet::Fleet> {
    facts.iter().map(|facts| facts.fleet.clone()).collect()
}

#[derive(Debug, Serialize)]
struct Diagnosis {
    stack: String,
    findings: Vec<Finding>,
}

impl Answer for Diagnosis {
    fn tell(&self) -> String {
        let mut text = String::new();
        for finding in &self.findings {
            let (word, tone) = match finding.verdict {
                Verdict::Ok => ("ok     ", Tone::Good),
                Verdict::Warning => ("warning", Tone::Warning),
                Verdict::Wrong => ("wrong  ", Tone::Wrong),
            };
            text.push_str(&format!("{}  {}: {}\n", coloured(word, tone), finding.check, finding.says));
            if let Some(remedy) = &finding.remedy {
                text.push_str(&format!("         {remedy}\n"));
            }
            if let Some(runbook) = finding.runbook {
                text.push_str(&format!("         {runbook}\n"));
            }
        }
        let count = |verdict| self.findings.iter().filter(|finding| finding.verdict == verdict).count();
        text.push_str(&format!("\n{} wrong, {} warnings, {} ok", count(Verdict::Wrong), count(Verdict::Warning), count(Verdict::Ok)));
        text
    }
}
