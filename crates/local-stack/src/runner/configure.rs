//! `config.sh`: registering with a registration token.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::connection::Connection;
use super::log::plain;
use super::{configuration, exit};

/// How the variables begin that stand for options.
const VARIABLES: &str = "ACTIONS_RUNNER_INPUT_";

pub(super) async fn configure(root: &Path, arguments: &[String]) -> u8 {
    match attempt(root, arguments).await {
        Ok(name) => {
            plain("√ Connected to GitHub");
            plain(&format!("√ Runner successfully added ({name})"));
            plain("√ Settings Saved.");
            exit::DONE
        }
        Err(reason) => {
            eprintln!("{reason}");
            exit::TERMINATED
        }
    }
}

async fn attempt(root: &Path, arguments: &[String]) -> Result<String, String> {
    if root.join(".runner").exists() {
        return Err("Cannot configure the runner because it is already configured.".to_owned());
    }
    let flag = |name: &str| arguments.iter().any(|argument| argument == name);
    // Each option may also come by the environment, which other processes cannot read as they can arguments.
    let value = |name: &str| {
        let given = arguments.iter().position(|argument| argument == name).and_then(|at| arguments.get(at + 1)).cloned();
        given.or_else(|| std::env::var(format!("{VARIABLES}{}", name.trim_start_matches('-').to_uppercase())).ok())
    };
    let required = |name: &str| value(name).ok_or_else(|| format!("Invalid configuration provided for {}.", name.trim_start_matches('-')));
    let (url, token) = (required("--url")?, required("--token")?);
    let name = value("--name").unwrap_or_else(|| "stand-in".to_owned());
    let server = fs::read_to_string(root.join(".server")).map_err(|error| error.to_string())?;
    let server = format!("{}/_runner/", server.trim());
    let labels = value("--labels").unwrap_or_default();
    let labels: Vec<&str> = labels.split(',').filter(|label| !label.is_empty()).collect();
    let body = json!({
        "token": token,
        "name": name,
        "labels": labels,
        "runner_group": value("--runnergroup"),
        "ephemeral": flag("--ephemeral"),
        "replace": flag("--replace"),
    });
    let (status, answer) = Connection::new(&server).ask("POST", "registrations", &body).await.map_err(|error| error.to_string())?;
    if status != 201 {
        return Err(format!("Http response code: {status}. {}", answer["message"].as_str().unwrap_or_default()));
    }
    let says = |set: bool| if set { "True" } else { "False" };
    let settings = json!({
        "AgentId": answer["runner_id"].to_string(),
        "AgentName": name,
        "DisableUpdate": says(flag("--disableupdate")),
        "Ephemeral": says(flag("--ephemeral")),
        "GitHubUrl": url,
        "ServerUrl": server,
        "WorkFolder": value("--work").unwrap_or_else(|| "_work".to_owned()),
    });
    let credentials = json!({ "Scheme": "OAuth", "Data": { "ClientId": answer["client_id"] } });
    let save =
        |file: &str, contents: &Value| configuration::write(root, file, contents.to_string().as_bytes()).map_err(|error| error.to_string());
    save(".runner", &settings)?;
    save(".credentials", &credentials)?;
    Ok(name)
}
