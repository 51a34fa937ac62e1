//! The use case's answer as HTTP. This is the border at which a registration's secret is shown, to the one task that it was made for.

use aws_lambda_events::apigw::ApiGatewayV2httpResponse;
use fargate_runners_core::fleet::Scope;
use fargate_runners_github::web_address;
use fargate_runners_use_cases::register::{Announces, Answer};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use std::time::Duration;

/// Builds the response.
pub fn response(answer: &Answer) -> ApiGatewayV2httpResponse {
    let (status, body) = match answer {
        Answer::Jit(name, runner) => (
            200,
            json!({
                "kind": "jit", "runner_name": name.to_string(), "runner_id": runner.id.0,
                "encoded_jit_config": runner.encoded_jit_config.expose_secret(),
            }),
        ),
        Answer::Token(name, fleet, token) => (
            200,
            json!({
                "kind": "token", "runner_name": name.to_string(), "url": web_url(&fleet.api_url, &fleet.scope), "labels": fleet.labels.to_string(),
                "runner_group": "", "token": token.expose_secret(),
            }),
        ),
        Answer::Acknowledged(Announces(announces)) => (200, json!({ "announce": if *announces { "yes" } else { "no" } })),
        Answer::Stay(again) => (200, json!({ "answer": "stay", "again_in_seconds": again.as_secs() })),
        Answer::LeaveLease => (200, json!({ "answer": "leave" })),
        Answer::Go => (200, json!({ "answer": "go" })),
        Answer::Wait(again) => (200, json!({ "answer": "wait", "again_in_seconds": again.as_secs() })),
        Answer::Leave => (409, json!({ "message": "leave" })),
        Answer::Forbidden => (403, json!({ "message": "Forbidden" })),
        Answer::TooMany(_) => (429, json!({ "message": "ask again" })),
        Answer::Unavailable(_) => (503, json!({ "message": "ask again" })),
    };
    http(status, &body, retry_after(answer))
}

/// A path that this function does not have.
pub fn not_found() -> ApiGatewayV2httpResponse {
    http(404, &json!({ "message": "Not Found" }), None)
}

fn http(status: i64, body: &Value, retry_after: Option<Duration>) -> ApiGatewayV2httpResponse {
    let mut response = ApiGatewayV2httpResponse::default();
    response.status_code = status;
    response.body = Some(body.to_string().into());
    let content_type = ("content-type", "application/json".to_owned());
    let retry_after = retry_after.map(|wait| ("retry-after", wait.as_secs().max(1).to_string()));
    for (name, value) in std::iter::once(content_type).chain(retry_after) {
        if let Ok(value) = value.parse() {
            response.headers.insert(name, value);
        }
    }
    response
}

const fn retry_after(answer: &Answer) -> Option<Duration> {
    match answer {
        Answer::TooMany(wait) | Answer::Unavailable(wait) => Some(*wait),
        _ => None,
    }
}

/// Where `config.sh` registers.
fn web_url(api_url: &str, scope: &Scope) -> String {
    let base = web_address(api_url);
    match scope {
        Scope::Organisation(name) => format!("{base}/{name}"),
        Scope::Repository(name) => format!("{base}/{name}"),
        Scope::Enterprise(name) => format!("{base}/enterprises/{name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn config_sh_is_sent_to_the_web_address_of_each_kind_of_server() {
        let organisation = Scope::parse("org/octo-org").unwrap();
        for (api, web) in [
            ("https://api.github.com", "https://github.com/octo-org"),
            ("https://api.octo.ghe.com", "https://octo.ghe.com/octo-org"),
            ("https://github.example.com/api/v3", "https://github.example.com/octo-org"),
        ] {
            assert_eq!(web_url(api, &organisation), web);
        }
        assert_eq!(web_url("https://api.github.com", &Scope::parse("enterprise/big").unwrap()), "https://github.com/enterprises/big");
    }

    #[test]
    fn a_task_that_is_to_ask_again_is_told_when() {
        let response = response(&Answer::TooMany(Duration::from_millis(200)));
        assert_eq!((response.status_code, response.headers.get("retry-after").unwrap().to_str().unwrap()), (429, "1"));
    }
}
