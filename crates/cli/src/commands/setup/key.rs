//! The App's private key, changed: GitHub makes one only for a person in the browser, so the page is shown and the file that it downloads is taken.
//!
//! The old key works until it is deleted at GitHub. A function that still holds it then is refused once, and reads the new one at once.

use super::{Done, Setup, app_credential, secret_file};
use crate::error::CliError;
use crate::prompt::Asked;
use fargate_runners_github::{AccountKind, Credential};
use fargate_runners_use_cases::ports::chain;
use std::path::{Path, PathBuf};

/// What a person is asked for.
const FILE: Asked = Asked { what: "the path of the new key", instead: "give it with --key FILE" };

/// Checks the new key at GitHub, and stores it in the place of the old one.
pub async fn rotate(setup: &Setup<'_>, file: Option<&Path>) -> Result<Done, CliError> {
    let Some(Credential::App(old)) = setup.stored().await? else {
        return Err(CliError::Unknown(format!("there is no App in {}: run `fargate-runners setup` first", setup.credential_name())));
    };
    let asked = setup.github.get_app(&setup.access(&Credential::App(old.clone()))).await;
    let page = match &asked {
        Ok(app) => {
            let owner = setup.place.owner()?;
            let kind = if setup.place.is_organisation() { AccountKind::Organisation } else { super::app::kind(setup, owner, None).await? };
            format!("{}/{}", setup.place.apps_page(owner, kind), app.slug.as_deref().unwrap_or_default())
        }
        // The old key may be gone already, which is no reason not to take a new one.
        Err(_) => format!("{}/settings/apps", setup.place.web),
    };
    let file = match file {
        Some(file) => file.to_owned(),
        None => ask(setup, &page).await?,
    };
    let new = app_credential(&old.app_id, &secret_file(&file)?, old.installation_id);
    let new = new.map_err(|error| CliError::Given(format!("{} holds no private key: {}", file.display(), chain(&error))))?;
    let app = setup.github.get_app(&setup.access(&Credential::App(new.clone()))).await;
    let app = app.map_err(|error| CliError::github(format!("asking GitHub as the App by the key in {}", file.display()), error))?;
    setup.store_app(&new).await?;
    let mut done = Done::default().says(format!("the App {} signs with the key in {} from now on", app.name, file.display()));
    done.remarks.push(format!(
        "Delete the file {}, then the old key on {page}: a function that still holds it is refused once, and reads the new one.",
        file.display()
    ));
    Ok(done)
}

async fn ask(setup: &Setup<'_>, page: &str) -> Result<PathBuf, CliError> {
    setup.show("Under \"Private keys\", press \"Generate a private key\"", page);
    FILE.line(setup.screen, "Then enter the path of the file that was downloaded:").await.map(PathBuf::from)
}
