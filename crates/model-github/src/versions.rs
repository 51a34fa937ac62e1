//! Versions of the runner program, and from when on GitHub wants none of them.

use crate::Millis;
use crate::auth::{Access, Area, Caller};
use crate::counters::Endpoint;
use crate::error::ApiError;
use crate::model::GithubModel;
use crate::scope::Scope;

/// What GitHub has announced of a version. Nothing follows from it here: runners of any version get jobs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Deprecation {
    /// From when on it cannot be registered.
    pub registration_at: Option<Millis>,
    /// From when on it gets no jobs.
    pub runtime_at: Option<Millis>,
}

impl GithubModel {
    /// Announces what becomes of a version.
    pub fn deprecate(&mut self, version: &str, deprecation: Deprecation) {
        self.deprecations.insert(version.to_owned(), deprecation);
    }

    /// `GET …/actions/runners/deprecations/{version}`
    pub fn deprecation(&mut self, now: Millis, caller: &Caller, scope: &Scope, version: &str) -> Result<Deprecation, ApiError> {
        self.call(now, caller, Endpoint::Deprecations, |model, _| {
            model.authorize(caller, scope, Access::Read, Area::Runners)?;
            Ok(model.deprecations.get(version).copied().unwrap_or_default())
        })
    }
}
