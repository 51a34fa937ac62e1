//! `fleets validate`: descriptions are read as the functions read them, before anything is deployed.

use crate::error::CliError;
use crate::scopes::holds;
use crate::screen::{Answer, Screen, Tone, coloured};
use fargate_runners_core::fleet::Fleet;
use fargate_runners_use_cases::ports::chain;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::Path;

/// Reads the file; all is well if every description in it can be used and none shadows another.
pub fn validate(file: &Path, screen: &Screen) -> Result<bool, CliError> {
    let text = std::fs::read_to_string(file).map_err(|error| CliError::File(file.to_owned(), error))?;
    let value: serde_json::Value =
        serde_json::from_str(&text).map_err(|error| CliError::Given(format!("{} is no JSON: {error}", file.display())))?;
    let descriptions = match value {
        serde_json::Value::Array(descriptions) => descriptions,
        one => vec![one],
    };
    let checked = check(&descriptions);
    screen.answer(&checked)?;
    Ok(checked.wrong.is_empty())
}

#[derive(Debug, PartialEq, Serialize)]
struct Checked {
    valid: Vec<String>,
    wrong: Vec<String>,
    warnings: Vec<String>,
}

fn check(descriptions: &[serde_json::Value]) -> Checked {
    let mut checked = Checked { valid: Vec::new(), wrong: Vec::new(), warnings: Vec::new() };
    let mut fleets: BTreeMap<String, Fleet> = BTreeMap::new();
    for (position, description) in descriptions.iter().enumerate() {
        let name = description["fleet"].as_str().map_or_else(|| format!("number {}", position + 1), str::to_owned);
        match Fleet::parse(&description.to_string()) {
            Err(error) => checked.wrong.push(format!("{name}: {}", chain(&error))),
            Ok(fleet) if fleets.contains_key(&name) => {
                checked.wrong.push(format!("{name}: there are two fleets of this name, {}", fleet.scope));
            }
            Ok(fleet) => drop(fleets.insert(name, fleet)),
        }
    }
    let all: Vec<Fleet> = fleets.into_values().collect();
    checked.warnings = shadows(&all);
    checked.valid = all.iter().map(|fleet| format!("{}: {} {}", fleet.name, fleet.scope, fleet.labels)).collect();
    checked
}

/// Fleets that get no job, because another one of the same labels comes first wherever they could have one. The scopes need not be equal: what an organisation's
/// fleet takes, none of its repositories' fleets gets.
pub fn shadows(fleets: &[Fleet]) -> Vec<String> {
    let mut found = Vec::new();
    for fleet in fleets {
        let before = |other: &&Fleet| {
            other.name < fleet.name
                && holds(&other.scope, &fleet.scope)
                && other.labels == fleet.labels
                && other.allow_public_repositories >= fleet.allow_public_repositories
        };
        if let Some(other) = fleets.iter().find(before) {
            let scopes = if holds(&fleet.scope, &other.scope) {
                "has the same scope and labels".to_owned()
            } else {
                format!("has the same labels, its scope {} holds {}", other.scope, fleet.scope)
            };
            found.push(format!("fleet {} gets no jobs: fleet {} {scopes}, and its name comes first", fleet.name, other.name));
        }
    }
    found
}

impl Answer for Checked {
    fn tell(&self) -> String {
        let valid = self.valid.iter().map(|line| format!("{}  {line}", coloured("ok", Tone::Good)));
        let warnings = self.warnings.iter().map(|line| format!("{}  {line}", coloured("warning", Tone::Warning)));
        let wrong = self.wrong.iter().map(|line| format!("{}  {line}", coloured("wrong", Tone::Wrong)));
        valid.chain(warnings).chain(wrong).collect::<Vec<_>>().join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn description(fleet: &str, labels: &[&str]) -> serde_json::Value {
        json!({
            "fleet": fleet, "scope": "org/octo-org", "credential": "default", "labels": labels, "launch_mode": "tasks", "maximum": 10,
            "task_role": "runners-default-task", "cluster": "arn:aws:ecs:eu-west-1:111122223333:cluster/runners",
            "task_definition": "arn:aws:ecs:eu-west-1:111122223333:task-definition/runners-default:3", "subnets": ["subnet-1"],
        })
    }

    #[test]
    fn what_cannot_be_used_is_named_with_its_field_and_a_fleet_without_jobs_with_the_one_before_it() {
        let mut bad = description("bad", &["linux"]);
        bad["maximum"] = json!(9000);
        let checked = check(&[description("a", &["linux"]), description("b", &["linux"]), bad]);
        assert_eq!(checked.wrong.len(), 1);
        assert!(checked.wrong[0].starts_with("bad: maximum is 9000"), "{:?}", checked.wrong);
        assert_eq!(checked.valid.len(), 2);
        assert!(checked.warnings[0].starts_with("fleet b gets no jobs: fleet a"), "{:?}", checked.warnings);
    }

    #[test]
    fn an_organisations_fleet_takes_the_jobs_of_its_repositorys_fleet_and_not_the_other_way_round() {
        let fleet = |name: &str, scope: &str| {
            let mut description = description(name, &["linux"]);
            description["scope"] = json!(scope);
            Fleet::parse(&description.to_string()).unwrap()
        };
        let told = shadows(&[fleet("a", "org/octo-org"), fleet("b", "repo/octo-org/app")]);
        assert_eq!(told.len(), 1);
        assert!(told[0].contains("fleet b gets no jobs: fleet a") && told[0].contains("org/octo-org holds repo/octo-org/app"), "{told:?}");
        // The repository's fleet comes first for its own jobs, and the organisation's has those of all the others.
        assert!(shadows(&[fleet("a", "repo/octo-org/app"), fleet("b", "org/octo-org")]).is_empty());
        assert!(shadows(&[fleet("a", "org/other-org"), fleet("b", "repo/octo-org/app")]).is_empty());
    }
}
