//! Deploys the project's templates into the emulator with the real `sam deploy`.

use std::path::Path;

use crate::account;
use crate::problem::Outcome;
use crate::process;
use crate::project::Project;
use crate::tools::Tools;

/// The control plane's stack, which brings the first fleet along.
pub const CONTROL_PLANE: &str = "fargate-runners";

/// What a deploy needs to know.
#[derive(Debug)]
pub struct Deploy<'a> {
    /// The checkout.
    pub project: &'a Project,
    /// The installed tools.
    pub tools: &'a Tools,
    /// The emulator.
    pub endpoint: &'a str,
    /// Where `sam` writes what it says.
    pub log: &'a Path,
}

impl Deploy<'_> {
    /// Puts up, or changes, one stack, with the settings that `samconfig.toml` has for it.
    pub async fn stack(&self, settings: &str, name: &str, template: &Path, parameters: &[(&str, &str)]) -> Outcome {
        let mut sam = self.tools.command("sam");
        account::emulated(&mut sam, self.endpoint);
        sam.args(["deploy", "--config-env", settings, "--stack-name", name, "--template-file"]).arg(template);
        sam.arg("--config-file").arg(self.project.path("samconfig.toml"));
        sam.args(["--region", account::REGION, "--no-progressbar"]);
        sam.arg("--parameter-overrides").args(parameters.iter().map(|(name, value)| format!("{name}={value}")));
        sam.current_dir(self.project.root());
        process::logged(sam, self.log).await
    }
}
