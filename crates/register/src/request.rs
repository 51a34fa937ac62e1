//! API Gateway's event, as the use case wants it: the route, who signed the request, and the body.

use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use fargate_runners_use_cases::register::Route;

/// A request.
pub struct Request {
    /// What is asked; `None` for a path that this function does not have.
    pub route: Option<Route>,
    /// `requestContext.authorizer.iam.userArn`.
    pub user_arn: Option<String>,
    /// The body; empty when it says that it is base64 and is not.
    pub body: Vec<u8>,
}

impl From<ApiGatewayV2httpRequest> for Request {
    fn from(event: ApiGatewayV2httpRequest) -> Self {
        let context = event.request_context;
        let route = match event.raw_path.as_deref().unwrap_or_default().trim_end_matches('/') {
            path if path.ends_with("/registrations/ack") => Some(Route::Ack),
            path if path.ends_with("/registrations/lease") => Some(Route::Lease),
            path if path.ends_with("/registrations/done") => Some(Route::Done),
            path if path.ends_with("/registrations") => Some(Route::Registration),
            _ => None,
        };
        let user_arn = context.authorizer.and_then(|authorizer| authorizer.iam).and_then(|iam| iam.user_arn);
        let text = event.body.unwrap_or_default();
        let body = if event.is_base64_encoded { STANDARD.decode(text).unwrap_or_default() } else { text.into_bytes() };
        Self { route, user_arn, body }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fargate_runners_use_cases::register::Caller;

    #[test]
    fn every_sample_is_understood() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../events");
        let mut routes = Vec::new();
        for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            let Some(name) = path.file_stem().and_then(|stem| stem.to_str()?.strip_prefix("register-").map(str::to_owned)) else {
                continue;
            };
            let event: ApiGatewayV2httpRequest = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
            let request = Request::from(event);
            assert!(request.user_arn.as_deref().and_then(Caller::parse).is_some(), "{name}");
            let body: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
            assert!(body["nonce"].is_string(), "{name}");
            routes.push((name, request.route.unwrap()));
        }
        routes.sort_by(|one, other| one.0.cmp(&other.0));
        let routes: Vec<(&str, Route)> = routes.iter().map(|(name, route)| (name.as_str(), *route)).collect();
        let expected = [
            ("ack", Route::Ack),
            ("done-job", Route::Done),
            ("done-left", Route::Done),
            ("lease", Route::Lease),
            ("registrations", Route::Registration),
        ];
        assert_eq!(routes, expected);
    }
}
