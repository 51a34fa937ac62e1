//! The REST interface as HTTP: a request in, an answer (or a broken connection) out. Still pure: whoever has a socket calls this.

mod apps;
mod groups;
mod hooks;
mod pages;
mod routes;
mod runners;

use serde_json::{Value, json};

use crate::Millis;
use crate::auth::{Caller, Principal};
use crate::error::ApiError;
use crate::model::GithubModel;
use crate::time::http_date;

/// A request.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// `GET`, `POST`, `DELETE`.
    pub method: String,
    /// As in the request line: `/orgs/octo-org/actions/runners?per_page=100`.
    pub path_and_query: String,
    /// The `Authorization` header.
    pub authorization: Option<String>,
    /// The `iss` of the App's JWT in that header, if it is one and whoever asks has verified it.
    pub app: Option<String>,
    /// When that JWT was made and ends, if GitHub shall judge that as well.
    pub jwt: Option<JwtTimes>,
    /// The body.
    pub body: Vec<u8>,
}

/// The times of a JWT, in seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JwtTimes {
    /// `iat`
    pub issued_at: u64,
    /// `exp`
    pub expires_at: u64,
    /// What time it is, by everybody's clock but GitHub's.
    pub now: u64,
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// The headers, in lower case.
    pub headers: Vec<(&'static str, String)>,
    /// The body; empty where there is none.
    pub body: String,
}

/// What becomes of a request.
#[derive(Clone, Debug)]
pub enum Reply {
    /// It is answered.
    Answer(Response),
    /// The connection breaks without an answer.
    Drop,
}

/// What a route gives back before headers are added.
type Routed = Result<Response, ApiError>;

impl Response {
    pub(crate) fn json(status: u16, body: &Value) -> Self {
        Self { status, headers: vec![("content-type", "application/json; charset=utf-8".to_owned())], body: body.to_string() }
    }

    pub(crate) fn html(status: u16, body: &str) -> Self {
        let page = format!(
            "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>GitHub, as a model</title></head><body>{body}</body></html>"
        );
        Self { status, headers: vec![("content-type", "text/html; charset=utf-8".to_owned())], body: page }
    }

    pub(crate) fn redirect(to: String) -> Self {
        Self { status: 302, headers: vec![("location", to)], body: String::new() }
    }

    pub(crate) fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: String::new() }
    }
}

impl GithubModel {
    /// Answers a request.
    pub fn http(&mut self, now: Millis, request: &Request) -> Reply {
        self.advance(now);
        let caller = caller(request);
        let refused = request.jwt.and_then(|times| self.refuses(times));
        let routed = refused.map_or_else(|| self.route(now, request, &caller), Err);
        let mut response = match routed {
            Ok(response) => response,
            Err(ApiError::Dropped) => return Reply::Drop,
            Err(ApiError::Refused { status, message, retry_after }) => {
                let body = json!({ "message": message, "documentation_url": "https://docs.github.com/rest", "status": status.to_string() });
                let mut response = Response::json(status, &body);
                if let Some(seconds) = retry_after {
                    response.headers.push(("retry-after", seconds.to_string()));
                }
                response
            }
        };
        if let Ok(principal) = self.authenticate(&caller) {
            let standing = self.meter.standing(self.now, principal, &self.config.limits);
            response.headers.extend([
                ("x-ratelimit-limit", standing.limit.to_string()),
                ("x-ratelimit-remaining", standing.remaining().to_string()),
                ("x-ratelimit-used", standing.used.to_string()),
                ("x-ratelimit-reset", standing.reset_at.div_ceil(1000).to_string()),
                ("x-ratelimit-resource", "core".to_owned()),
            ]);
        }
        if let Ok(Principal::Pat(position)) = self.authenticate(&caller)
            && let Some(scopes) = self.credentials.pats.get(position).and_then(|pat| pat.scopes.as_ref())
        {
            response.headers.push(("x-oauth-scopes", scopes.join(", ")));
        }
        response.headers.push(("date", http_date(self.now.saturating_add_signed(self.config.clock_ahead_ms))));
        let request_id = self.random.uuid();
        response.headers.push(("x-github-request-id", request_id));
        Reply::Answer(response)
    }

    /// Why GitHub does not believe the times of a JWT: by its own clock, it must not be from the future, nor be over, nor last for longer than ten minutes.
    fn refuses(&self, times: JwtTimes) -> Option<ApiError> {
        const LONGEST_S: u64 = 600;
        // Two clocks that are the same still round for themselves.
        const DRIFT_S: u64 = 5;
        let now = times.now.saturating_add_signed(self.config.clock_ahead_ms / 1000);
        let why = if times.expires_at > now + LONGEST_S + DRIFT_S {
            "'Expiration time' claim ('exp') is too far in the future"
        } else if times.expires_at <= now {
            "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires"
        } else if times.issued_at > now + DRIFT_S {
            "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued"
        } else {
            return None;
        };
        Some(ApiError::new(401, why))
    }
}

fn caller(request: &Request) -> Caller {
    if let Some(issuer) = &request.app {
        return Caller::App(issuer.clone());
    }
    let Some((scheme, credential)) = request.authorization.as_deref().and_then(|value| value.split_once(' ')) else {
        return Caller::Nobody;
    };
    if scheme.eq_ignore_ascii_case("bearer") || scheme.eq_ignore_ascii_case("token") {
        Caller::Token(credential.trim().to_owned())
    } else {
        Caller::Nobody
    }
}

/// The value of a query's parameter, decoded.
fn parameter(query: &str, name: &str) -> Option<String> {
    query.split('&').filter_map(|pair| pair.split_once('=')).find(|(key, _)| *key == name).map(|(_, value)| decode(value))
}

/// A value as a form has it.
pub(crate) fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.*".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push('%');
            encoded.push_str(&hex::encode_upper([byte]));
        }
    }
    encoded
}

fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let digits: Vec<u8> = rest.by_ref().take(2).collect();
                let value = std::str::from_utf8(&digits).ok().and_then(|digits| u8::from_str_radix(digits, 16).ok());
                bytes.push(value.unwrap_or(b'?'));
            }
            other => bytes.push(other),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::{decode, encode, parameter};

    #[test]
    fn parameters_are_decoded() {
        assert_eq!(parameter("per_page=100&name=a%2Fb+c", "name").as_deref(), Some("a/b c"));
        assert_eq!(parameter("per_page=100", "page"), None);
        assert_eq!(decode("%C3%A9%zz"), "é?");
        let json = "{\"a\": \"é+&=%\"}";
        assert_eq!(decode(&encode(json)), json);
    }
}
