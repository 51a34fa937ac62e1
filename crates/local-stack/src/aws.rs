//! A small client for an AWS emulator on loopback: it signs properly, because the emulator checks signatures and enforces the deployed roles.
//!
//! What it is for: the orchestrator and the ECS server ask the emulator for what was deployed, assume tasks' roles and invoke functions. It speaks HTTP only and
//! knows no region's endpoints; it must never be used against AWS itself, which is what the SDK is for.

mod credentials;
mod error;
mod shorthands;
mod signing;
mod xml;

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;

use crate::ecs::Callers;

pub use credentials::Credentials;
pub use error::Error;
pub use reqwest::Method;
pub use shorthands::StackResource;
pub use xml::{blocks, tag_value, tag_values};

/// The emulator is one process on this machine; what takes longer than this hangs.
const LONGEST_CALL: Duration = Duration::from_secs(30);
/// A function may take this long, and whoever waits for its answer a little longer: `sweep`'s own limit is 5 minutes.
const LONGEST_INVOCATION: Duration = Duration::from_secs(310);
/// The region that a local deploy uses.
const REGION: &str = "us-east-1";

/// The emulator, and who calls it.
#[derive(Debug, Clone)]
pub struct Emulator {
    http: reqwest::Client,
    endpoint: String,
    region: String,
    credentials: Credentials,
    callers: Arc<Callers>,
}

impl Emulator {
    /// A client for the emulator at `endpoint` (`http://127.0.0.1:PORT`).
    pub fn new(endpoint: impl Into<String>, region: &str, credentials: Credentials) -> Result<Self, Error> {
        // reqwest wants a TLS provider even where no TLS is spoken. The first one that is installed stays; that another was first is fine.
        drop(rustls::crypto::ring::default_provider().install_default());
        let http = reqwest::Client::builder().no_proxy().timeout(LONGEST_CALL).build()?;
        let endpoint = endpoint.into().trim_end_matches('/').to_owned();
        Ok(Self { http, endpoint, region: region.to_owned(), credentials, callers: Arc::default() })
    }

    /// The emulator's own administrator.
    pub fn test(endpoint: impl Into<String>) -> Result<Self, Error> {
        Self::new(endpoint, REGION, Credentials::test())
    }

    /// The same emulator, called by somebody else.
    #[must_use]
    pub fn as_caller(&self, credentials: Credentials) -> Self {
        Self { credentials, ..self.clone() }
    }

    /// Where it is.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Reads the roles' policies anew when next somebody calls ECS: they were just changed.
    pub fn forget_policies(&self) {
        self.callers.forget_policies();
    }

    /// What is known about those who call ECS.
    pub(crate) fn callers(&self) -> Arc<Callers> {
        Arc::clone(&self.callers)
    }

    /// The region that it is asked for.
    #[must_use]
    pub fn region(&self) -> &str {
        &self.region
    }

    /// A call in the JSON protocols: `json("ssm", "AmazonSSM.GetParameter", …)`.
    pub async fn json(&self, service: &str, target: &str, body: &Value) -> Result<Value, Error> {
        let version = if matches!(service, "dynamodb" | "sqs") { "1.0" } else { "1.1" };
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, text(&format!("application/x-amz-json-{version}"))?);
        headers.insert(HeaderName::from_static("x-amz-target"), text(target)?);
        let answer = self.post(service, "/", headers, body.to_string().into_bytes()).await?;
        if answer.is_empty() {
            Ok(Value::Null)
        } else {
            serde_json::from_slice(&answer).map_err(|error| Error::Unexpected(error.to_string()))
        }
    }

    /// A call in the query protocol; the answer is XML, see [`tag_values`].
    pub async fn query(&self, service: &str, action: &str, version: &str, parameters: &[(&str, &str)]) -> Result<String, Error> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded; charset=utf-8"));
        let all = [("Action", action), ("Version", version)].into_iter().chain(parameters.iter().copied());
        let form: Vec<String> = all.map(|(key, value)| format!("{}={}", encoded(key), encoded(value))).collect();
        let answer = self.post(service, "/", headers, form.join("&").into_bytes()).await?;
        Ok(String::from_utf8_lossy(&answer).into_owned())
    }

    /// A call in the REST protocols, with a JSON body or none: `rest("lambda", Method::PUT, "/2017-10-31/functions/NAME/concurrency", …)`.
    pub async fn rest(&self, service: &str, method: Method, path: &str, body: Option<&Value>) -> Result<Value, Error> {
        let mut headers = HeaderMap::new();
        if body.is_some() {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        let body = body.map(Value::to_string).unwrap_or_default().into_bytes();
        let answer = self.call_within(LONGEST_CALL, service, method, path, headers, body).await?;
        if answer.is_empty() {
            Ok(Value::Null)
        } else {
            serde_json::from_slice(&answer).map_err(|error| Error::Unexpected(error.to_string()))
        }
    }

    /// Invokes a function asynchronously, as EventBridge does; accepted is not done.
    pub async fn invoke_event(&self, function_name_or_arn: &str, payload: &Value) -> Result<(), Error> {
        let name = function_name_or_arn.split(':').nth(6).unwrap_or(function_name_or_arn);
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(HeaderName::from_static("x-amz-invocation-type"), HeaderValue::from_static("Event"));
        let path = format!("/2015-03-31/functions/{}/invocations", encoded(name));
        self.post("lambda", &path, headers, payload.to_string().into_bytes()).await.map(drop)
    }

    /// Invokes a function and waits for its answer. That the function failed is an error too.
    pub async fn invoke(&self, function_name: &str, payload: &Value) -> Result<Value, Error> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let path = format!("/2015-03-31/functions/{}/invocations", encoded(function_name));
        let payload = payload.to_string().into_bytes();
        let answer = self.call_within(LONGEST_INVOCATION, "lambda", Method::POST, &path, headers, payload).await?;
        let answer: Value = serde_json::from_slice(&answer).map_err(|error| Error::Unexpected(error.to_string()))?;
        match answer["errorMessage"].as_str() {
            Some(message) => Err(Error::Unexpected(message.to_owned())),
            None => Ok(answer),
        }
    }

    /// Sends somebody else's signed request on as it came (its `Host` too, which the signature covers) and gives status and body back.
    pub async fn pass_on(&self, headers: HeaderMap, body: Vec<u8>) -> Result<(u16, Vec<u8>), Error> {
        let answer = self.http.post(format!("{}/", self.endpoint)).headers(headers).body(body).send().await?;
        Ok((answer.status().as_u16(), answer.bytes().await?.to_vec()))
    }

    async fn post(&self, service: &str, path: &str, headers: HeaderMap, body: Vec<u8>) -> Result<Vec<u8>, Error> {
        self.call_within(LONGEST_CALL, service, Method::POST, path, headers, body).await
    }

    async fn call_within(
        &self,
        longest: Duration,
        service: &str,
        method: Method,
        path: &str,
        mut headers: HeaderMap,
        body: Vec<u8>,
    ) -> Result<Vec<u8>, Error> {
        let url = format!("{}{path}", self.endpoint);
        signing::sign(method.as_str(), &url, service, &self.region, &self.credentials, &mut headers, &body)?;
        let answer = self.http.request(method, url).headers(headers).body(body).timeout(longest).send().await?;
        let status = answer.status();
        let body = answer.bytes().await?;
        if status.is_success() { Ok(body.to_vec()) } else { Err(Error::refused(status.as_u16(), &body)) }
    }
}

fn text(value: &str) -> Result<HeaderValue, Error> {
    HeaderValue::from_str(value).map_err(|error| Error::Unexpected(error.to_string()))
}

/// Percent-encoding as signatures want it: everything but the unreserved characters.
fn encoded(text: &str) -> String {
    use std::fmt::Write;
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a String does not fail.
            _ = write!(out, "%{byte:02X}");
        }
    }
    out
}
