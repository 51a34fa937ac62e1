//! Where things are: the folders of the project that these commands read and write.
//!
//! Everything that is made here lies under `target/` (built, may be deleted at any time) or `.tools/` (installed): never elsewhere on the machine.

use std::env;
use std::path::{Path, PathBuf};

/// The folders of one checkout.
#[derive(Debug, Clone)]
pub struct Project {
    root: PathBuf,
    target: PathBuf,
}

impl Project {
    /// The checkout that this very program was built from.
    pub fn of_this_program() -> Self {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
        let root = manifest.ancestors().nth(2).unwrap_or(manifest).to_path_buf();
        let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |folder| root.join(folder));
        Self { root, target }
    }

    /// The top folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// A file or folder of the checkout.
    pub fn path(&self, relative: &str) -> PathBuf {
        self.root.join(relative)
    }

    /// The virtual environment that holds the pinned tools.
    pub fn tools(&self) -> PathBuf {
        self.root.join(".tools/venv")
    }

    /// Where cargo puts what it builds for this machine.
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// Cargo's folder for the functions of the local stack: apart from a person's own `sam build`, whose profile differs.
    pub fn functions_target(&self) -> PathBuf {
        self.target.join("local-functions")
    }

    /// What `sam build` made for the local stack.
    pub fn functions_build(&self) -> PathBuf {
        self.target.join("local-sam-build")
    }

    /// One folder per run of the local stack: logs, and whatever else is written while it runs.
    pub fn runs(&self) -> PathBuf {
        self.target.join("local-stack")
    }
}
