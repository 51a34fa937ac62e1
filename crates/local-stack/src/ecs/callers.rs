//! Who calls, and what its role permits.
//!
//! The emulator is shown the very request: it checks the signature before anything else, and a refusal for lack of permission names the caller. But it takes
//! the cluster for the resource of every ECS call, where AWS takes the service, the task or the task definition; so once the caller's name is known, its role's
//! policies are read and judged here, by what AWS would check. (A role that the emulator has never refused anything has no name yet; then its word counts.)

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::http::{HeaderMap, header};
use serde_json::Value;

use super::policy::{Need, permit};
use super::side::Denial;
use crate::aws::{Emulator, Error};

/// A role's policies are believed for so long: a deploy may change them.
const POLICIES_FOR: Duration = Duration::from_secs(10);

/// The beginnings of the error codes that mean the caller, not the request.
const REFUSALS: [&str; 7] = [
    "UnrecognizedClient",
    "InvalidSignature",
    "SignatureDoesNotMatch",
    "InvalidClientTokenId",
    "ExpiredToken",
    "MissingAuthenticationToken",
    "IncompleteSignature",
];

/// What is known about those who call.
#[derive(Debug, Default)]
pub struct Callers {
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    /// ARNs of callers by their access keys.
    names: HashMap<String, String>,
    /// Policies by role, and when they were read.
    policies: HashMap<String, (Instant, Arc<Vec<Value>>)>,
}

impl Callers {
    /// Why this request is refused, if it is.
    pub(crate) async fn judge(&self, emulator: &Emulator, headers: HeaderMap, body: Vec<u8>, needs: &[Need]) -> Option<Denial> {
        let key = access_key(&headers);
        let (status, answer) = emulator.pass_on(headers, body).await.ok()?;
        let refused = if status < 400 { None } else { Some(Error::refused(status, &answer)) };
        if let Some(Error::Refused { status, kind, message }) = refused {
            if REFUSALS.iter().any(|refusal| kind.starts_with(refusal)) {
                return Some(Denial { status, kind, message });
            }
            if kind.starts_with("AccessDenied") {
                let Some(name) = named_in(&message) else { return Some(Denial { status, kind, message }) };
                self.known().names.insert(key.clone(), name.to_owned());
            }
        }
        let name = self.known().names.get(&key).cloned()?;
        let role = role_of(&name)?;
        match self.policies(emulator, role).await {
            Ok(policies) => needs.iter().find(|need| !permit(&policies, need)).map(|need| lacking(&name, need)),
            Err(error) => {
                Some(Denial { status: 500, kind: "ServerException".to_owned(), message: format!("the policies of {role}: {error}") })
            }
        }
    }

    /// Believes no policy any longer.
    pub(crate) fn forget_policies(&self) {
        self.known().policies.clear();
    }

    async fn policies(&self, emulator: &Emulator, role: &str) -> Result<Arc<Vec<Value>>, Error> {
        let known = self.known().policies.get(role).filter(|(at, _)| at.elapsed() < POLICIES_FOR).map(|(_, policies)| Arc::clone(policies));
        if let Some(policies) = known {
            return Ok(policies);
        }
        let policies = Arc::new(emulator.role_policies(role).await?);
        self.known().policies.insert(role.to_owned(), (Instant::now(), Arc::clone(&policies)));
        Ok(policies)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn lacking(name: &str, need: &Need) -> Denial {
    let Need { action, resource, .. } = need;
    let message = format!(
        "User: {name} is not authorized to perform: {action} on resource: {resource} because no identity-based policy allows the {action} action"
    );
    Denial { status: 400, kind: "AccessDeniedException".to_owned(), message }
}

/// `Credential=KEY/…` of a signature.
pub(crate) fn access_key(headers: &HeaderMap) -> String {
    let signature = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let scope = signature.split_once("Credential=").map(|(_, scope)| scope).unwrap_or_default();
    scope.split('/').next().unwrap_or_default().to_owned()
}

/// The caller in "User: ARN is not authorized …".
fn named_in(message: &str) -> Option<&str> {
    message.split_once("User: ")?.1.split(' ').next().filter(|name| name.starts_with("arn:"))
}

/// The role of `arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION`.
fn role_of(name: &str) -> Option<&str> {
    name.split_once(":assumed-role/")?.1.split('/').next()
}
