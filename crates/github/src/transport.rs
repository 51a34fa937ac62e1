//! One attempt of one call over HTTP: bounded in time and in size, and with no opinion about what the answer means.
//!
//! TLS is rustls with ring and Mozilla's roots, compiled in. The operating system's certificate store is never read: parsing it would take longer
//! than all else in a cold start. For the same reason the client is set up on its first use only.

use crate::error::{Failure, GithubError};
use crate::limits::{ANSWER_BYTES_MAX, ATTEMPT_TIMEOUT, CONNECT_TIMEOUT, IDLE_CONNECTION};
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Method, Url, redirect};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// A pool of connections to GitHub. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Http {
    client: Arc<OnceLock<Client>>,
    further_roots: Arc<[CertificateDer<'static>]>,
}

impl Http {
    /// A pool without a connection: TLS and the pool are set up by the first call.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same, trusting these certificates too: for a GitHub Enterprise Server whose certificate an organisation signed itself.
    pub fn trusting(pem: &str) -> Result<Self, GithubError> {
        let roots: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
        match roots {
            Ok(roots) if !roots.is_empty() => Ok(Self { client: Arc::default(), further_roots: roots.into() }),
            Ok(_) => Err(GithubError::Setup("the further root certificates hold no -----BEGIN CERTIFICATE-----".into())),
            Err(error) => Err(GithubError::Setup(error.into())),
        }
    }

    pub(crate) fn client(&self) -> Result<&Client, GithubError> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let built = build(&self.further_roots)?;
        Ok(self.client.get_or_init(|| built))
    }
}

fn build(further_roots: &[CertificateDer<'static>]) -> Result<Client, GithubError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    for root in further_roots {
        roots.add(root.clone()).map_err(|error| GithubError::Setup(error.into()))?;
    }
    let tls = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| GithubError::Setup(error.into()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static("application/vnd.github+json"));
    headers.insert(HeaderName::from_static("x-github-api-version"), HeaderValue::from_static("2022-11-28"));
    Client::builder()
        .tls_backend_preconfigured(tls)
        .user_agent(concat!("fargate-runners/", env!("CARGO_PKG_VERSION")))
        .default_headers(headers)
        .connect_timeout(CONNECT_TIMEOUT)
        .pool_idle_timeout(IDLE_CONNECTION)
        // Credentials go to the configured address and nowhere else, and this crate alone decides what is repeated.
        .redirect(redirect::Policy::none())
        .retry(reqwest::retry::never())
        .no_proxy()
        .build()
        .map_err(|error| GithubError::Setup(error.into()))
}

/// An attempt that brought no answer.
#[derive(Debug)]
pub(crate) enum Broken {
    /// No connection was made: GitHub has seen nothing of the call.
    NotSent(Failure),
    /// The connection broke or time ran out: GitHub may have acted on the call.
    MaybeSent(Failure),
}

/// An answer as it came.
#[derive(Debug)]
pub(crate) struct Raw {
    pub status: u16,
    headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Raw {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    #[cfg(test)]
    pub(crate) fn of(status: u16, headers: &[(&str, &str)], body: &[u8]) -> Self {
        let headers =
            headers.iter().filter_map(|(name, value)| Some((name.parse::<HeaderName>().ok()?, HeaderValue::from_str(value).ok()?)));
        Self { status, headers: headers.collect(), body: body.to_vec() }
    }
}

/// Sends once and reads the whole answer, within `remaining` and the limit of an attempt.
pub(crate) async fn attempt(
    client: &Client,
    method: Method,
    url: Url,
    bearer: Option<&SecretString>,
    body: Option<&Value>,
    remaining: Duration,
) -> Result<Raw, Broken> {
    let mut request = client.request(method, url).timeout(remaining.min(ATTEMPT_TIMEOUT));
    if let Some(bearer) = bearer {
        let mut authorization = HeaderValue::from_str(&format!("Bearer {}", bearer.expose_secret()))
            .map_err(|_| Broken::NotSent("the credential is no header value".into()))?;
        authorization.set_sensitive(true);
        request = request.header(AUTHORIZATION, authorization);
    }
    if let Some(body) = body {
        request = request.json(body);
    }
    let mut response = request.send().await.map_err(broken)?;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let mut read = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(broken)? {
        if read.len() + chunk.len() > ANSWER_BYTES_MAX {
            return Err(Broken::MaybeSent(format!("the answer is larger than {ANSWER_BYTES_MAX} bytes").into()));
        }
        read.extend_from_slice(&chunk);
    }
    Ok(Raw { status, headers, body: read })
}

fn broken(error: reqwest::Error) -> Broken {
    let unsent = error.is_connect() || error.is_builder();
    // The address stands in the error's target already.
    let error: Failure = error.without_url().into();
    if unsent { Broken::NotSent(error) } else { Broken::MaybeSent(error) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn further_roots_must_be_certificates() {
        for bad in ["", "no certificate", "-----BEGIN CERTIFICATE-----\n*\n-----END CERTIFICATE-----\n"] {
            assert!(matches!(Http::trusting(bad), Err(GithubError::Setup(_))), "{bad}");
        }
        let no_certificate = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert!(Http::trusting(no_certificate).is_ok_and(|http| http.client().is_err()));
    }
}
