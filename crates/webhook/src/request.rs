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

#[cfg(test)]
mod tests {
    use super::*;
    use fargate_runners_core::delivery::JobDelivery;
    use fargate_runners_core::signature::is_signed;

    #[test]
    fn every_sample_is_rightly_signed_and_understood() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../events");
        let mut seen = Vec::new();
        for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            let Some(name) = path.file_stem().and_then(|stem| stem.to_str()?.strip_prefix("webhook-").map(str::to_owned)) else { continue };
            let event: ApiGatewayV2httpRequest = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
            let request = Request::from_event(event).unwrap();
            let delivery = request.delivery();
            assert!(is_signed(delivery.body, delivery.signature.unwrap(), [b"events-webhook-secret".as_slice()]), "{name}");
            let phase = match delivery.event {
                "workflow_job" => format!("{:?}", JobDelivery::parse(delivery.body, delivery.delivery).unwrap().phase),
                other => other.to_owned(),
            };
            seen.push(format!("{name}: {phase}"));
        }
        seen.sort();
        assert_eq!(
            seen,
            [
                "completed-cancelled-in-queue: Completed",
                "completed: Completed",
                "in-progress: InProgress",
                "ping: ping",
                "queued-at-gate: Waiting",
                "queued-base64: Queued",
                "queued-github-hosted: Queued",
                "queued-public-repository: Queued",
                "queued: Queued",
                "waiting: Waiting",
            ]
        );
    }
}
