//! Keeps whoever runs these commands from touching a real AWS account: every program that knows AWS gets an environment without the person's own settings.

use std::env;

use tokio::process::Command;

/// The region of everything local.
pub const REGION: &str = "us-east-1";

/// The emulator's root user, as its manual names it.
pub const ROOT_USER: &str = "test";

/// Takes every AWS setting out of the program's environment, and keeps it from reading the person's files.
pub fn none(command: &mut Command) {
    for (name, _) in env::vars_os() {
        if name.to_string_lossy().starts_with("AWS_") {
            command.env_remove(name);
        }
    }
    command.env("AWS_CONFIG_FILE", "/dev/null").env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null").env("AWS_EC2_METADATA_DISABLED", "true");
    command.env("AWS_DEFAULT_REGION", REGION).env("SAM_CLI_TELEMETRY", "0");
}

/// The account that the emulator at this address plays.
pub fn emulated(command: &mut Command, endpoint: &str) {
    none(command);
    command.env("AWS_ENDPOINT_URL", endpoint).env("AWS_ACCESS_KEY_ID", ROOT_USER).env("AWS_SECRET_ACCESS_KEY", ROOT_USER);
    command.env("NO_PROXY", "127.0.0.1,localhost").env("no_proxy", "127.0.0.1,localhost");
}
