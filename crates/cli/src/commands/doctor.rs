//! `doctor`: what goes wrong in the field, line by line, each with what to do.
//!
//! What is asked is gathered here; what follows from it is decided by the modules below, which are pure. A question that cannot be asked is a line too.

mod account;
mod finding;
mod fleet;
mod github;

#[cfg(test)]
mod tests;

use crate::error::CliError;
use crate::facts::{self, FleetFacts};
use crate::screen::{Answer, Screen, Tone, coloured};
use crate::stack::Stack;
use account::Account;
use fargate_runners_use_cases::inquiry::{self, Inquiry};
use fargate_runners_use_cases::ports::{Survey as _, chain};
use finding::{Finding, Verdict};
use serde::Serialize;

/// Looks. All is well if nothing is wrong; warnings do not count.
pub async fn run(stack: &Stack, screen: &Screen) -> Result<bool, CliError> {
    let list = stack.fleets().await?;
    let facts = facts::fleets(stack, None, screen).await?;
    let mut findings = fleet::descriptions(&list.unreadable, &facts);
    let account = {
        let _doing = screen.doing("asking AWS about quotas, queues, alarms and functions");
        Account::read(stack, &facts).await
    };
    findings.extend(account.findings());
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
        }
        let count = |verdict| self.findings.iter().filter(|finding| finding.verdict == verdict).count();
        text.push_str(&format!("\n{} wrong, {} warnings, {} ok", count(Verdict::Wrong), count(Verdict::Warning), count(Verdict::Ok)));
        text
    }
}
