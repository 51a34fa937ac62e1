//! Troubles at GitHub: the App, its webhook, its credential, runner groups, versions, limits, the clock.

use fargate_runners_local_stack::github::AppKey;
use fargate_runners_local_stack::line::Condition;
use fargate_runners_model_github::{Deprecation, GroupVisibility, Permissions, Visibility};
use secrecy::ExposeSecret as _;
use serde_json::json;

use crate::problem::Outcome;
use crate::stack::lines::Between;
use crate::stack::{APP_ID, CONTROL_PLANE, CREDENTIAL, ORGANIZATION};

use super::Step;
use super::fleets::changed;
use super::scene::{Scene, failed};
use super::table::JOB;

/// The group that the fleets' runners are in.
const GROUP: u64 = 1;

/// A job that is there for as long as a trouble is asked about.
const HOLDS_MILLISECONDS: u64 = 60_000;

/// A token that the model takes.
const SECOND_TOKEN: &str = "ghp_of_the_second_scope";

/// Far enough ahead that no JWT is good.
const CLOCK_AHEAD: i64 = 150_000;

/// What the stand-in for GitHub's runner says of its version.
const RUNNER_VERSION: &str = fargate_runners_local_stack::runner::VERSION;

/// The App asks for less than runners need.
pub async fn permission_missing(scene: &Scene<'_>, step: Step) -> Outcome {
    let permissions = permissions(step);
    let installation = scene.stack.app()?.installation;
    scene.github(|model| {
        model.set_app_permissions(APP_ID, permissions.clone());
        model.set_installation_permissions(installation, permissions);
    });
    Ok(())
}

/// The App asks for what runners need, and nobody has accepted it.
pub async fn permission_not_accepted(scene: &Scene<'_>, step: Step) -> Outcome {
    let permissions = permissions(step);
    let installation = scene.stack.app()?.installation;
    scene.github(|model| model.set_installation_permissions(installation, permissions));
    Ok(())
}

fn permissions(step: Step) -> Permissions {
    let mut permissions = Permissions::runners();
    if step == Step::In {
        permissions.0.remove("organization_self_hosted_runners");
    }
    permissions
}

/// The App does not hear of jobs.
pub async fn event_not_subscribed(scene: &Scene<'_>, step: Step) -> Outcome {
    let events: &[&str] = if step == Step::In { &[] } else { &["workflow_job"] };
    scene.github(|model| model.set_app_events(APP_ID, events));
    Ok(())
}

/// GitHub signs with another secret than the one that the stack knows.
pub async fn webhook_secret_wrong(scene: &Scene<'_>, step: Step) -> Outcome {
    let secret = if step == Step::In { "another" } else { scene.stack.webhook_secret().expose_secret() };
    let hook = scene.stack.app()?.hook;
    scene.github(|model| model.set_hook_secret(hook, secret));
    Ok(())
}

/// The webhook leads somewhere else.
pub async fn webhook_elsewhere(scene: &Scene<'_>, step: Step) -> Outcome {
    let url = if step == Step::In { "http://127.0.0.1:9/hooks" } else { scene.stack.output("WebhookUrl")? };
    let hook = scene.stack.app()?.hook;
    scene.github(|model| model.set_hook_url(hook, url));
    Ok(())
}

/// A fleet has a scope of its own, with a token, and nobody has made a webhook there.
pub async fn second_scope_unheard(scene: &Scene<'_>, step: Step) -> Outcome {
    const FLEET: &str = "fleets/second";
    const SECOND: &str = "credentials/second";
    if step == Step::Out {
        scene.parameter(FLEET, None).await?;
        return scene.parameter(SECOND, None).await;
    }
    scene.github(|model| {
        model.add_organization("other-org");
        model.add_repository("other-org", "app", Visibility::Private);
        model.add_pat(SECOND_TOKEN);
    });
    let credential = json!({ "kind": "pat", "token": SECOND_TOKEN }).to_string().into();
    scene.aws().put_parameter(&format!("/{CONTROL_PLANE}/{SECOND}"), &credential, true).await.map_err(failed)?;
    let second = changed(scene, |description| {
        description["fleet"] = json!("second");
        description["scope"] = json!("repo/other-org/app");
        description["credential"] = json!("second");
        description["labels"] = json!(["self-hosted", "second"]);
    });
    scene.parameter(FLEET, Some(&second.await?)).await
}

/// GitHub's deliveries do not arrive.
pub async fn webhook_unreachable(scene: &Scene<'_>, step: Step) -> Outcome {
    cut(scene, Between::GithubAndApi, step);
    Ok(())
}

/// The functions do not reach GitHub.
pub async fn github_down(scene: &Scene<'_>, step: Step) -> Outcome {
    cut(scene, Between::FunctionsAndGithub, step);
    Ok(())
}

fn cut(scene: &Scene<'_>, between: Between, step: Step) {
    let condition = if step == Step::In { Condition::Cut } else { Condition::Whole };
    scene.stack.lines.between(between).set(condition);
}

/// The runner group takes jobs of other repositories only.
pub async fn group_not_admitting(scene: &Scene<'_>, step: Step) -> Outcome {
    let visibility = if step == Step::In { GroupVisibility::Selected(vec!["other".to_owned()]) } else { GroupVisibility::All };
    scene.github(|model| {
        if let Some(group) = model.group_mut(ORGANIZATION, GROUP) {
            group.visibility = visibility;
        }
    });
    Ok(())
}

/// The runner group takes jobs of public repositories as well.
pub async fn group_admits_public(scene: &Scene<'_>, step: Step) -> Outcome {
    scene.github(|model| {
        if let Some(group) = model.group_mut(ORGANIZATION, GROUP) {
            group.allows_public_repositories = step == Step::In;
        }
    });
    Ok(())
}

/// GitHub's clock and the functions' differ.
pub async fn clock_skewed(scene: &Scene<'_>, step: Step) -> Outcome {
    scene.github(|model| model.config_mut().clock_ahead_ms = if step == Step::In { CLOCK_AHEAD } else { 0 });
    Ok(())
}

/// An owner suspends the App.
pub async fn app_suspended(scene: &Scene<'_>, step: Step) -> Outcome {
    let installation = scene.stack.app()?.installation;
    scene.github(|model| model.suspend_installation(installation, step == Step::In));
    Ok(())
}

/// The key of the credential is not the App's.
pub async fn key_revoked(scene: &Scene<'_>, step: Step) -> Outcome {
    if step == Step::Out {
        return scene.stack.put_secrets().await;
    }
    let key = AppKey::generate().map_err(failed)?;
    let credential = json!({ "kind": "app", "app_id": APP_ID.to_string(), "private_key": key.private_pem().expose_secret() });
    let name = format!("/{CONTROL_PLANE}/{CREDENTIAL}");
    scene.aws().put_parameter(&name, &credential.to_string().into(), true).await.map_err(failed)
}

/// The credential is not there.
pub async fn credential_missing(scene: &Scene<'_>, step: Step) -> Outcome {
    if step == Step::In { scene.parameter(CREDENTIAL, None).await } else { scene.stack.put_secrets().await }
}

/// GitHub refuses the version of a runner that is there.
pub async fn runner_version_old(scene: &Scene<'_>, step: Step) -> Outcome {
    let refused_at = (step == Step::In).then_some(1);
    scene.github(|model| model.deprecate(RUNNER_VERSION, Deprecation { registration_at: refused_at, runtime_at: refused_at }));
    if step == Step::In {
        // A runner must be there to be of a version.
        scene.queue_for(JOB, HOLDS_MILLISECONDS);
    } else {
        cancel_all(scene);
        scene.quiet().await?;
    }
    Ok(())
}

/// Cancels whatever is not over.
pub fn cancel_all(scene: &Scene<'_>) {
    let open = scene.github(|model| {
        model.jobs().filter(|job| job.status != fargate_runners_model_github::Status::Completed).map(|job| job.id).collect::<Vec<_>>()
    });
    for job in open {
        scene.cancel(job);
    }
}

/// Most of the credential's calls are used up.
pub async fn rate_limit_low(scene: &Scene<'_>, step: Step) -> Outcome {
    // Of so many calls, the few that doctor itself makes are most.
    scene.github(|model| model.config_mut().limits.primary_per_hour = if step == Step::In { 1 } else { 5_000 });
    Ok(())
}
