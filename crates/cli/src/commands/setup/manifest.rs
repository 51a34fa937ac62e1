//! The manifest: what GitHub is asked to make. Pure.

use super::place::Place;
use crate::needs;
use serde_json::{Map, Value, json};

/// The most characters of an App's name.
const NAME_MAX: usize = 34;

/// Where the App's page leads.
const HOMEPAGE: &str = env!("CARGO_PKG_REPOSITORY");

/// The manifest of an App with the permissions and the event that runners need, and nothing else.
pub fn manifest(place: &Place, name: &str, webhook_url: &str, redirect_url: &str, retries_jobs: bool) -> Value {
    let mut permissions: Map<String, Value> = Map::new();
    for need in place.scopes.iter().flat_map(|scope| needs::permissions(scope, retries_jobs)) {
        permissions.insert(need.name.to_owned(), need.level.into());
    }
    json!({
        "name": name,
        "url": HOMEPAGE,
        "description": "Starts GitHub Actions runners on AWS Fargate",
        "public": false,
        "hook_attributes": { "url": webhook_url, "active": true },
        "redirect_url": redirect_url,
        "default_permissions": permissions,
        "default_events": [needs::EVENT],
    })
}

/// A name that says whose it is. Names are unique at GitHub; its page lets a person choose another.
pub fn name(owner: &str, stack: &str) -> String {
    format!("{owner}-{stack}").chars().take(NAME_MAX).collect::<String>().trim_end_matches('-').to_owned()
}
