//! `redrive`: has `sweep` replay the dead letters now.

use crate::error::CliError;
use crate::screen::{Answer, Screen, Tone, coloured};
use crate::stack::Stack;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Replays them. All is well if none was left.
pub async fn run(stack: &Stack, screen: &Screen) -> Result<bool, CliError> {
    let doing = screen.doing("sweep replays the dead letters");
    let report: Report = stack.ask_sweep(&serde_json::json!({ "healers": ["dead_letters"] })).await?;
    drop(doing);
    let healer = report.healers.into_values().next().unwrap_or_default();
    let whole = healer.failures.is_empty();
    screen.answer(&Redriven { sent_again: healer.healed, left: healer.failures })?;
    Ok(whole)
}

/// What `sweep` answers.
#[derive(Debug, Deserialize)]
struct Report {
    healers: BTreeMap<String, Healer>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Healer {
    healed: u32,
    failures: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Redriven {
    sent_again: u32,
    left: Vec<String>,
}

impl Answer for Redriven {
    fn tell(&self) -> String {
        let mut text = format!("{} sent again", crate::words::count(self.sent_again, "dead letter"));
        for left in &self.left {
            text.push_str(&format!("\n{} {left}", coloured("left:", Tone::Wrong)));
        }
        text
    }
}
