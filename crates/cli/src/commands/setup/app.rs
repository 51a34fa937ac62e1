//! A GitHub App: made by the manifest flow unless there is one, installed, and its webhook shown to work.
//!
//! A new App's key is kept apart until the App is installed and has minted: what was stored before works until then. GitHub shows a key once, so that a run
//! that was broken off leaves it there, and the next one goes on with it instead of making another App.

use super::page::Page;
use super::webhook::{self, Hook};
use super::{Done, Setup, app_credential, manifest};
use crate::arguments::{Owner, Setup as Options};
use crate::error::CliError;
use crate::needs;
use crate::stack::Stack;
use fargate_runners_aws::SetupSecret;
use fargate_runners_core::fleet::Scope;
use fargate_runners_github::{Access, AccountKind, App, AppCredential, Credential, GithubError, HookLogOf};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// The longest that a person may take to install the App; somebody else may have to agree.
const INSTALLED_WITHIN: Duration = Duration::from_secs(1800);

/// Between two looks whether it is installed.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// GitHub believes an App's signature only if the clocks agree so far: it takes no signature from the future, and ours says that it is a minute old.
const CLOCKS_AGREE_WITHIN: Duration = Duration::from_secs(60);

/// An App as GitHub knows it, and what signs as it.
struct Signed {
    app: App,
    credential: AppCredential,
    /// Whether it is kept apart still.
    is_next: bool,
}

/// Completes what is missing.
pub async fn run(setup: &Setup<'_>, stack: &Stack, options: &Options) -> Result<Done, CliError> {
    let owner = setup.place.owner()?.to_owned();
    let retries_jobs = retries_jobs(stack).await?;
    let found = match begun(setup, &owner).await? {
        Some(begun) => Some(begun),
        None if options.new_app => None,
        None => working(setup).await?,
    };
    let (signed, page) = if let Some(found) = found {
        (found, None)
    } else {
        // Before the App is made: what signs its deliveries is then known already to whoever checks them.
        webhook::secret(setup).await?;
        let (made, page) = make(setup, stack, options, &owner, retries_jobs).await?;
        (made, Some(page))
    };
    let outcome = complete(setup, &signed, page.as_ref(), retries_jobs).await;
    if let Some(page) = page {
        let last = match &outcome {
            Ok(_) => "All is set up. You can close this page.",
            Err(_) => "Something is not as it should be: the terminal says what.",
        };
        page.over(last).await;
    }
    outcome
}

/// The App that an earlier run has made and has not brought to its end.
async fn begun(setup: &Setup<'_>, owner: &str) -> Result<Option<Signed>, CliError> {
    let kept = SetupSecret::NextCredential(setup.place.credential.clone());
    let Some(json) = setup.parameters.read(&kept).await? else { return Ok(None) };
    let parameter = setup.parameters.name(&kept);
    let found = match Credential::parse(&json) {
        Ok(Credential::App(credential)) => known(setup, &credential).await?.map(|app| Signed { app, credential, is_next: true }),
        // What nobody can read, nobody misses.
        _ => None,
    };
    let Some(signed) = found else {
        setup.screen.note(&format!("GitHub knows no App by what is kept in {parameter}: it is given up."));
        setup.parameters.delete(&kept).await?;
        return Ok(None);
    };
    let (app, page) = (&signed.app.name, signed.app.html_url.as_deref().unwrap_or(&setup.place.web));
    if let Some(other) = signed.app.owner.as_ref().filter(|other| !other.login.eq_ignore_ascii_case(owner)) {
        return Err(owner_differs(app, &other.login, page, owner));
    }
    setup.screen.note(&format!(
        "The App {app} was made before and is not in use yet: this goes on with it. (If you do not want it, delete it at {page}.)"
    ));
    Ok(Some(signed))
}

/// An App that cannot serve these fleets.
fn owner_differs(app: &str, its: &str, page: &str, owner: &str) -> CliError {
    CliError::Wrong(format!(
        "the App {app} was made for {its}, but the fleets belong to {owner}: delete it at {page}, and run this again as somebody who may make Apps for {owner}"
    ))
}

/// The stored App, if GitHub knows it by the stored key.
async fn working(setup: &Setup<'_>) -> Result<Option<Signed>, CliError> {
    let credential = match setup.stored().await {
        Ok(Some(Credential::App(credential))) => credential,
        Ok(Some(Credential::Pat(_))) => {
            setup.screen.note("A token is stored; an App takes its place.");
            return Ok(None);
        }
        Ok(None) => return Ok(None),
        // What nobody can read is no credential: a new one takes its place.
        Err(CliError::Call { what, .. }) => {
            setup.screen.note(&format!("{what} failed: it holds no credential; an App takes its place."));
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    let Some(app) = known(setup, &credential).await? else {
        setup.screen.note("GitHub knows no App by the stored key; another one takes its place.");
        return Ok(None);
    };
    setup.screen.note(&format!("The stored App {} works.", app.name));
    Ok(Some(Signed { app, credential, is_next: false }))
}

/// The App that signs so, if there is one. GitHub refuses a signature by a wrong clock as it refuses a key: that is no reason to give an App up.
async fn known(setup: &Setup<'_>, credential: &AppCredential) -> Result<Option<App>, CliError> {
    let asked = setup.github.get_app(&setup.access(&Credential::App(credential.clone()))).await;
    let refused = match asked {
        Ok(app) => return Ok(Some(app)),
        Err(error @ (GithubError::Unauthorized { .. } | GithubError::NotFound { .. })) => error,
        Err(error) => return Err(CliError::github(format!("asking GitHub as the App {}", credential.app_id), error)),
    };
    match setup.github.clock_ahead(&setup.place.api) {
        Some(ahead) if ahead.unsigned_abs() >= CLOCKS_AGREE_WITHIN.as_secs() => {
            let which = if ahead > 0 { "behind" } else { "ahead of" };
            let what = format!(
                "asking GitHub as the App {}, by a clock that is {} s {which} GitHub's (set it right),",
                credential.app_id,
                ahead.unsigned_abs()
            );
            Err(CliError::github(what, refused))
        }
        _ => Ok(None),
    }
}

/// The manifest flow: the page, GitHub, the code, the key into a parameter that no function reads yet.
async fn make(setup: &Setup<'_>, stack: &Stack, options: &Options, owner: &str, retries_jobs: bool) -> Result<(Signed, Page), CliError> {
    let kind = kind(setup, owner, options.owner).await?;
    let mut page = Page::open().await?;
    let name = manifest::name(owner, &stack.name);
    let manifest = manifest::manifest(&setup.place, &name, &setup.webhook_url, &page.redirect_url(), retries_jobs);
    let address = page.offer(&setup.place.apps_page(owner, kind), &manifest, owner);
    setup.show(&format!("Open this page, as somebody who may make GitHub Apps for {owner}"), &address);
    let code = {
        let _doing = setup.screen.doing("waiting for the browser to come back from GitHub");
        page.code().await?
    };
    let made = setup.github.convert_manifest(&setup.place.api, &code).await;
    let made = made.map_err(|error| CliError::github("fetching the App that GitHub has made", error))?;
    let credential = app_credential(&made.id.to_string(), &made.pem, None);
    let credential = credential.map_err(|error| CliError::call("reading the App's private key", error))?;
    if !made.owner.login.eq_ignore_ascii_case(owner) {
        return Err(owner_differs(&made.slug, &made.owner.login, &made.html_url, owner));
    }
    // At once: GitHub shows the key to nobody again.
    if let Err(error) = setup.keep_next(&credential).await {
        setup.screen.note(&format!("The App {} is of no use, since its key is stored nowhere: delete it at {}.", made.slug, made.html_url));
        return Err(error);
    }
    page.done(format!("The App {} is made, and its key is in the parameter store.", made.slug));
    let app = App {
        id: made.id,
        name: made.slug.clone(),
        slug: Some(made.slug),
        owner: Some(made.owner),
        html_url: Some(made.html_url),
        permissions: manifest["default_permissions"]
            .as_object()
            .map(|map| map.iter().map(|(name, level)| (name.clone(), level.as_str().unwrap_or_default().to_owned())).collect())
            .unwrap_or_default(),
        events: vec![needs::EVENT.to_owned()],
    };
    Ok((Signed { app, credential, is_next: true }, page))
}

/// Webhook, installation, a mint; only then is the App taken into use. And a ping.
async fn complete(setup: &Setup<'_>, signed: &Signed, page: Option<&Page>, retries_jobs: bool) -> Result<Done, CliError> {
    let (made, credential) = (&signed.app, Credential::App(signed.credential.clone()));
    // Before it is installed, so that nothing that it sends from then on is refused.
    let hook = Hook { setup, access: setup.access(&credential), of: HookLogOf::App };
    webhook::lead_here(&hook, page.is_some()).await?;
    installed(setup, &credential, made, page).await?;
    if signed.is_next {
        mints(setup, &credential, made).await?;
        setup.take_into_use(&signed.credential).await?;
    }
    let mut done = Done::default().says(format!("the App {} is stored in {}", made.name, setup.credential_name()));
    for scope in &setup.place.scopes {
        done = done.says(format!("it is installed for {scope}"));
    }
    let arrived = hook.prove().await?;
    done = done.says(format!("its webhook leads to {}, signed", setup.webhook_url));
    if let (Some(page), webhook::Arrived::Yes(sentence)) = (page, &arrived) {
        page.done(sentence.clone());
    }
    arrived.tell(&mut done);
    done.remarks.extend(lacking(setup, made, retries_jobs));
    Ok(done)
}

/// Waits until the App reaches every scope, and sends the person to where it is installed meanwhile.
async fn installed(setup: &Setup<'_>, credential: &Credential, made: &App, page: Option<&Page>) -> Result<(), CliError> {
    let until = Instant::now() + INSTALLED_WITHIN;
    let mut shown = false;
    while let Some(scope) = missing(setup, credential).await? {
        if !shown {
            let address = format!("{}/installations/new", made.html_url.as_deref().unwrap_or(&setup.place.web));
            let words = format!("Install it on {}", setup.place.owner()?);
            match page {
                // The page has the link, in the browser that is open already.
                Some(page) => {
                    page.next(&words, &address);
                    setup.screen.note(&format!("{words}, on the page that is open, or here:\n  {address}"));
                }
                None => setup.show(&words, &address),
            }
            shown = true;
        }
        if Instant::now() > until {
            return Err(CliError::NotYet {
                what: format!("the App is not installed for {scope} after {} minutes", INSTALLED_WITHIN.as_secs() / 60),
                next: "run the same command again: it goes on with this App, and makes no other",
            });
        }
        let _doing = setup.screen.doing(format!("waiting until the App is installed for {scope}"));
        sleep(LOOK_EVERY).await;
    }
    if let Some(page) = page {
        page.no_next();
        page.done("It is installed.");
    }
    Ok(())
}

/// Shows that it can do what it is for, in every scope. A registration token that nobody uses makes nothing.
async fn mints(setup: &Setup<'_>, credential: &Credential, made: &App) -> Result<(), CliError> {
    for scope in &setup.place.scopes {
        let _doing = setup.screen.doing(format!("trying whether the App may make runners for {scope}"));
        let access = Access { scope: scope.clone(), ..setup.access(credential) };
        let minted = setup.github.mint_registration_token(&access).await;
        let what = || format!("trying whether the App {} may make runners for {scope}, before it is taken into use,", made.name);
        minted.map_err(|error| CliError::github(what(), error))?;
    }
    Ok(())
}

/// A scope that the App does not reach yet.
async fn missing<'a>(setup: &'a Setup<'_>, credential: &Credential) -> Result<Option<&'a Scope>, CliError> {
    for scope in &setup.place.scopes {
        let access = Access { scope: scope.clone(), ..setup.access(credential) };
        match setup.github.get_installation(&access).await {
            Ok(found) if found.suspended_at.is_some() => {
                return Err(CliError::Wrong(format!(
                    "the App is suspended for {scope}: an owner ends that on {}",
                    found.html_url.unwrap_or_default()
                )));
            }
            Ok(_) => {}
            Err(GithubError::NotFound { .. }) => return Ok(Some(scope)),
            Err(error) => return Err(CliError::github(format!("asking whether the App is installed for {scope}"), error)),
        }
    }
    Ok(None)
}

/// What an App that was there already does not ask for.
fn lacking(setup: &Setup<'_>, app: &App, retries_jobs: bool) -> Vec<String> {
    let mut remarks: Vec<String> = Vec::new();
    for need in setup.place.scopes.iter().flat_map(|scope| needs::permissions(scope, retries_jobs)) {
        if needs::rank(app.permissions.get(need.name).map(String::as_str)) < needs::rank(Some(need.level)) {
            remarks.push(format!(
                "The App lacks the permission {}: {}. Its settings, Permissions & events: {}.",
                need.name, need.level, need.settings
            ));
        }
    }
    if !app.events.iter().any(|event| event == needs::EVENT) {
        remarks.push(
            "The App does not subscribe to workflow_job. Its settings, Permissions & events, Subscribe to events: Workflow job.".to_owned(),
        );
    }
    remarks.sort();
    remarks.dedup();
    remarks
}

/// Whether the owner is an organisation, whose Apps are made on another page than a person's.
pub async fn kind(setup: &Setup<'_>, owner: &str, told: Option<Owner>) -> Result<AccountKind, CliError> {
    match told {
        Some(Owner::Organisation) => return Ok(AccountKind::Organisation),
        Some(Owner::User) => return Ok(AccountKind::User),
        None if setup.place.is_organisation() => return Ok(AccountKind::Organisation),
        None => {}
    }
    let asked = setup.github.get_account(&setup.place.api, owner).await;
    asked.map_err(|error| CliError::github(format!("asking whether {owner} is an organisation (`--owner` says it)"), error))
}

/// Whether the stack runs interrupted jobs again, which needs more of the App.
async fn retries_jobs(stack: &Stack) -> Result<bool, CliError> {
    let function = format!("{}-sweep", stack.name);
    let asked = aws_sdk_lambda::Client::new(&stack.config).get_function_configuration().function_name(&function).send().await;
    let answer = asked.map_err(|error| CliError::call(format!("reading the settings of the function {function}"), error))?;
    let variables = answer.environment.and_then(|environment| environment.variables).unwrap_or_default();
    Ok(variables.get("RETRY_INTERRUPTED_JOBS").is_some_and(|value| value == "true"))
}
