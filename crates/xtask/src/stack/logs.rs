//! Fetches what the functions logged, and looks through every output of a run for its secrets.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use fargate_runners_local_stack::aws;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};

use crate::problem::{Outcome, Problem};

use super::RunFolder;

/// Log groups of Lambda functions begin so.
const FUNCTIONS: &str = "/";

/// As many events as CloudWatch Logs gives at once.
const PAGE: usize = 10_000;

/// More pages than any demo fills.
const PAGES: usize = 200;

/// Where the tools of the run keep their own working files: nothing that was printed.
const NOT_OUTPUT: [&str; 3] = ["tmp", "home", "runner"];

/// Writes each log group that the emulator holds into a file of its own.
pub async fn fetch(aws: &aws::Emulator, run: &RunFolder) -> Outcome {
    let failed = |error: aws::Error| Problem::new(format!("the functions' logs could not be fetched: {error}"));
    let question = json!({ "logGroupNamePrefix": FUNCTIONS });
    let groups = aws.json("logs", "Logs_20140328.DescribeLogGroups", &question).await.map_err(failed)?;
    for group in groups["logGroups"].as_array().into_iter().flatten().filter_map(|group| group["logGroupName"].as_str()) {
        let mut text = String::new();
        let mut token = Value::Null;
        for _ in 0..PAGES {
            let mut question = json!({ "logGroupName": group, "limit": PAGE });
            if token.is_string() {
                question["nextToken"] = token;
            }
            let page = aws.json("logs", "Logs_20140328.FilterLogEvents", &question).await.map_err(failed)?;
            for event in page["events"].as_array().into_iter().flatten() {
                text.push_str(event["message"].as_str().unwrap_or_default().trim_end());
                text.push('\n');
            }
            token = page["nextToken"].clone();
            if !token.is_string() {
                break;
            }
        }
        let file = format!("{}.log", group.trim_start_matches('/').replace('/', "."));
        fs::write(run.functions().join(file), text)?;
    }
    Ok(())
}

/// The files in which one of the secrets stands.
pub fn files_with_secrets(run: &RunFolder, secrets: &[SecretString]) -> Outcome<BTreeSet<PathBuf>> {
    let mut found = BTreeSet::new();
    for file in outputs(run.path())? {
        let text = String::from_utf8_lossy(&fs::read(&file)?).into_owned();
        if secrets.iter().any(|secret| text.contains(secret.expose_secret())) {
            found.insert(file);
        }
    }
    Ok(found)
}

/// All files of a run that hold what something printed.
pub fn outputs(folder: &Path) -> Outcome<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)?.flatten() {
        let kind = entry.file_type()?;
        let name = entry.file_name();
        if kind.is_file() {
            files.push(entry.path());
        } else if kind.is_dir() && !NOT_OUTPUT.iter().any(|folder| name == *folder) {
            files.extend(outputs(&entry.path())?);
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn working_files_are_no_output() -> Outcome {
        let folder = std::env::temp_dir().join(format!("xtask-logs-{}", std::process::id()));
        for part in ["tasks/one", "tmp", "home"] {
            fs::create_dir_all(folder.join(part))?;
            fs::write(folder.join(part).join("file"), "text")?;
        }
        let found = outputs(&folder)?;
        fs::remove_dir_all(&folder)?;
        assert_eq!(found, [folder.join("tasks/one/file")]);
        Ok(())
    }
}
