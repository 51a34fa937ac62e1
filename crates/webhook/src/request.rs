//! API Gateway's event, as the use case wants it: the headers that count, and the raw bytes that GitHub signed.

use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use fargate_runners_use_cases::webhook::Delivery;

/// A request with its body as it came over the wire.
pub struct Request {
    event: String,
    delivery: String,
    signature: Option<String>,
    body: Vec<u8>,
}

impl Request {
    /// Takes the event apart; `None` when the body says that it is base64 and is not.
    pub fn from_event(event: ApiGatewayV2httpRequest) -> Option<Self> {
        let header = |name: &str| event.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let (name, delivery, signature) = (header("x-github-event"), header("x-github-delivery"), header("x-hub-signature-256"));
        let text = event.body.unwrap_or_default();
        let body = if event.is_base64_encoded { STANDARD.decode(text).ok()? } else { text.into_bytes() };
        Some(Self { event: name.unwrap_or_default(), delivery: delivery.unwrap_or_default(), signature, body })
    }

    /// The delivery.
    pub fn delivery(&self) -> Delivery<'_> {
        Delivery { event: &self.event, delivery: &self.delivery, signature: self.signature.as_deref(), body: &self.body }
    }
}
