//! Where a listener finds out who it is: in the JIT configuration, or in the files that `config.sh` wrote.

use std::fs;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

/// The variable that holds a JIT configuration. It is kept from every child.
pub(super) const JIT_VARIABLE: &str = "ACTIONS_RUNNER_INPUT_JITCONFIG";

/// Who the listener is.
pub(super) struct Configuration {
    pub(super) server: String,
    pub(super) runner_id: u64,
    pub(super) runner_name: String,
    pub(super) client_id: String,
    pub(super) ephemeral: bool,
    pub(super) updates: bool,
}

/// Why it does not know.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error("Not configured. Run config.(sh/cmd) to configure the runner.")]
    Absent,
    #[error("The JIT configuration cannot be read.")]
    Unreadable,
    #[error("The configuration cannot be written.")]
    Write(#[from] io::Error),
}

/// The folder of the runner: the one above that of its programs.
pub(super) fn root() -> io::Result<PathBuf> {
    let program = std::env::current_exe()?;
    program.parent().and_then(Path::parent).map(Path::to_owned).ok_or_else(|| io::Error::other("the runner has no folder"))
}

/// Reads the configuration. One that came as text is unpacked into files first, as the real listener does.
pub(super) fn read(root: &Path, jit: Option<&str>) -> Result<Configuration, Error> {
    if let Some(encoded) = jit {
        unpack(root, encoded)?;
    }
    let parse = |name: &str| -> Result<Value, Error> {
        let text = fs::read(root.join(name)).map_err(|_| Error::Absent)?;
        serde_json::from_slice(&text).map_err(|_| Error::Unreadable)
    };
    let (settings, credentials) = (parse(".runner")?, parse(".credentials")?);
    let text = |name: &str| settings[name].as_str().map(str::to_owned);
    let says_true = |name: &str| text(name).is_some_and(|value| value.eq_ignore_ascii_case("true"));
    Ok(Configuration {
        server: text("ServerUrlV2").or_else(|| text("ServerUrl")).ok_or(Error::Unreadable)?,
        runner_id: text("AgentId").and_then(|id| id.parse().ok()).ok_or(Error::Unreadable)?,
        runner_name: text("AgentName").unwrap_or_default(),
        client_id: credentials["Data"]["ClientId"].as_str().ok_or(Error::Unreadable)?.to_owned(),
        ephemeral: says_true("Ephemeral"),
        updates: !says_true("DisableUpdate"),
    })
}

/// Writes a file of the configuration, for its owner only.
pub(super) fn write(root: &Path, name: &str, contents: &[u8]) -> io::Result<()> {
    let mut file = fs::OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(root.join(name))?;
    io::Write::write_all(&mut file, contents)
}

/// An ephemeral runner leaves no configuration behind.
pub(super) fn remove(root: &Path) {
    for name in [".runner", ".credentials", ".credentials_rsaparams"] {
        // What is not there need not be removed, and nobody else could.
        let _ = fs::remove_file(root.join(name));
    }
}

fn unpack(root: &Path, encoded: &str) -> Result<(), Error> {
    let decode = |text: &str| STANDARD.decode(text).map_err(|_| Error::Unreadable);
    let files: serde_json::Map<String, Value> = serde_json::from_slice(&decode(encoded.trim())?).map_err(|_| Error::Unreadable)?;
    for (name, contents) in &files {
        // A name with a slash would leave the folder.
        if name.contains('/') {
            return Err(Error::Unreadable);
        }
        write(root, name, &decode(contents.as_str().ok_or(Error::Unreadable)?)?)?;
    }
    Ok(())
}
