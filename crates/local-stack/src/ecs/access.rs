//! Whether a caller may do what it asks.

use axum::http::{HeaderMap, header};

use super::Shared;
use super::side::{AwsSide, Denial};

/// Headers that belong to one connection and are not passed on.
const OF_THE_CONNECTION: [header::HeaderName; 4] = [header::CONNECTION, header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::EXPECT];

/// Shows the request to the emulator, as it came, and takes only its refusals seriously.
pub(super) async fn denied<A: AwsSide>(shared: &Shared<A>, headers: &HeaderMap, body: &[u8]) -> Option<Denial> {
    if !shared.config.enforce_access {
        return None;
    }
    if !headers.contains_key(header::AUTHORIZATION) {
        let message = "Missing Authentication Token".to_owned();
        return Some(Denial { status: 400, kind: "MissingAuthenticationTokenException".to_owned(), message });
    }
    let mut headers = headers.clone();
    for name in OF_THE_CONNECTION {
        headers.remove(name);
    }
    shared.aws.authorize(headers, body.to_vec()).await
}
