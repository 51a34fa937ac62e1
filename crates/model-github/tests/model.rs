//! Stories about the model of GitHub, told in its users' words.

#[path = "model/hook_log.rs"]
mod hook_log;
#[path = "model/manifests.rs"]
mod manifests;
#[path = "model/rest.rs"]
mod rest;
#[path = "model/runners_and_jobs.rs"]
mod runners_and_jobs;
#[path = "model/runs.rs"]
mod runs;
#[path = "model/standing.rs"]
mod standing;
#[path = "model/story.rs"]
mod story;
#[path = "model/struck.rs"]
mod struck;
#[path = "model/webhooks.rs"]
mod webhooks;
