//! Deploys the project's templates into the emulator with the real `sam deploy`, once or again with something changed.

use std::path::{Path, PathBuf};

use crate::account;
use crate::problem::Outcome;
use crate::process;
use crate::project::Project;
use crate::tools::Tools;

use super::Size;
use super::fleets::{self, FLEETS};

/// The control plane's stack, which brings the first fleet along.
pub const CONTROL_PLANE: &str = "fargate-runners";

/// What a deploy needs to know.
#[derive(Debug, Clone)]
pub struct Deploy {
    /// The checkout.
    pub project: Project,
    /// The installed tools.
    pub tools: Tools,
    /// The emulator.
    pub endpoint: String,
    /// Where `sam` writes what it says.
    pub log: PathBuf,
    /// What `sam build` made.
    pub build: PathBuf,
    /// Where the functions find GitHub.
    pub github: String,
}

impl Deploy {
    /// Puts up, or changes, the control plane with the first fleet.
    pub async fn control_plane(&self, size: Size) -> Outcome {
        let parameters = fleets::control_plane_parameters(&self.github, size);
        self.stack("local", CONTROL_PLANE, &self.build.join("template.yaml"), &parameters).await
    }

    /// Puts up, or changes, the second fleet.
    pub async fn second_fleet(&self, size: Size) -> Outcome {
        let parameters = fleets::second_fleet_parameters(&self.github, size);
        let name = format!("{CONTROL_PLANE}-fleet-{}", FLEETS[1].name);
        self.stack("local-fleet", &name, &self.project.path("fleet.yaml"), &parameters).await
    }

    /// One stack, with the settings that `samconfig.toml` has for it.
    async fn stack(&self, settings: &str, name: &str, template: &Path, parameters: &[(&str, String)]) -> Outcome {
        let mut sam = self.tools.command("sam");
        account::emulated(&mut sam, &self.endpoint);
        sam.args(["deploy", "--config-env", settings, "--stack-name", name, "--template-file"]).arg(template);
        sam.arg("--config-file").arg(self.project.path("samconfig.toml"));
        sam.args(["--region", account::REGION, "--no-progressbar"]);
        sam.arg("--parameter-overrides").args(parameters.iter().map(|(name, value)| format!("{name}={value}")));
        sam.current_dir(self.project.root());
        process::logged(sam, &self.log).await
    }
}
