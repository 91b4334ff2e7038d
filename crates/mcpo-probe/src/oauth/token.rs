//! The token endpoint: exchanges a code or a refresh token for tokens.

use mcpo_common::secret::Secret;
use reqwest::{Method, header::CACHE_CONTROL};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::server::AuthorizationServer;
use crate::{
    check::Fault,
    credentials::{AuthMethod, RegisteredClient, Scopes},
    documents::{self, Judgment, Kind},
    http::{Answer, HttpClient, RequestError},
    profile::Profile,
};

#[derive(Deserialize)]
struct UnverifiedTokens {
    access_token: Option<String>,
    token_type: Option<String>,
    expires_in: Option<Value>,
    refresh_token: Option<String>,
    scope: Option<String>,
}

#[derive(Deserialize)]
struct ErrorAnswer {
    error: String,
}

/// What an error of the token endpoint means for the client's credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The server does not know the client, so all its credentials are worthless.
    UnknownClient,
    /// Anything else.
    Other,
}

/// The tokens that were granted.
#[derive(Debug)]
pub struct Tokens {
    pub access: Secret,
    pub refresh: Option<Secret>,
    /// The granted scopes, if the server named them.
    pub scopes: Option<Scopes>,
    /// The tokens in a few words, for the report.
    pub summary: String,
    /// Seconds until the access token expires, if the server sent them.
    pub expires_in: Option<u64>,
    /// The `Cache-Control` header of the response.
    pub cache_control: Option<String>,
    /// Why other clients cannot read the response.
    pub warning: Option<Fault>,
}

/// Exchanges `parameters` for tokens, as the client of `profile`.
pub async fn request(
    http: &HttpClient,
    server: &AuthorizationServer,
    client: &RegisteredClient,
    profile: &Profile,
    parameters: Vec<(&str, &str)>,
) -> Result<Tokens, (Refusal, Fault)> {
    let kind = if parameters.contains(&("grant_type", "refresh_token")) {
        Kind::Refresh
    } else {
        Kind::Token
    };
    let expected = "200 with access_token and token_type Bearer";
    let answer = send(http, server, client, parameters).await;
    let answer = answer.map_err(|request_error| {
        let seen = format!("{}: {request_error}", server.token);
        (
            Refusal::Other,
            Fault::new(seen, expected, request_error.hint()),
        )
    })?;
    let unknown = !answer.status.is_success() && error_code(&answer) == "invalid_client";
    let refusal = if unknown {
        Refusal::UnknownClient
    } else {
        Refusal::Other
    };
    read(&answer, expected, kind, profile).map_err(|fault| (refusal, fault))
}

/// Returns the `error` member of the response, or an empty string.
fn error_code(answer: &Answer) -> String {
    let error = answer.json::<ErrorAnswer>();
    error.map(|answer| answer.error).unwrap_or_default()
}

/// Posts `parameters` to the token endpoint with the client's authentication.
pub async fn send(
    http: &HttpClient,
    server: &AuthorizationServer,
    client: &RegisteredClient,
    mut parameters: Vec<(&str, &str)>,
) -> Result<Answer, RequestError> {
    let mut request = http.request(Method::POST, &server.token)?;
    let secret = client.secret.as_ref().map_or("", Secret::expose);
    let assertion = match &client.key {
        Some(key) => key.assertion(&client.id, &server.issuer).map_err(|error| {
            RequestError::Other(format!("failed to sign the assertion: {error}"))
        })?,
        None => Secret::new(""),
    };
    match client.method {
        AuthMethod::None => parameters.push(("client_id", &client.id)),
        AuthMethod::Post => {
            parameters.extend([("client_id", client.id.as_str()), ("client_secret", secret)]);
        }
        AuthMethod::PrivateKey => parameters.extend([
            ("client_id", client.id.as_str()),
            (
                "client_assertion_type",
                "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            ),
            ("client_assertion", assertion.expose()),
        ]),
        // Both halves are form-encoded first (RFC 6749 §2.3.1).
        AuthMethod::Basic => {
            request = request.basic_auth(encode(&client.id), Some(encode(secret)));
            if client.repeats_id {
                parameters.push(("client_id", &client.id));
            }
        }
    }
    let request = request.header("accept", "application/json");
    http.send(request.form(&parameters)).await
}

fn encode(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

fn read(answer: &Answer, expected: &str, kind: Kind, profile: &Profile) -> Result<Tokens, Fault> {
    if !answer.status.is_success() {
        let hint = match error_code(answer).as_str() {
            "invalid_client" => {
                "accept the client that was just registered, with the method it registered"
            }
            "invalid_grant" => "accept the code once, with its verifier and redirect URI",
            "invalid_target" => "accept the resource that the metadata names",
            "unsupported_grant_type" => "support the grant types that the metadata names",
            _ if answer.status.is_server_error() => {
                "fix the token endpoint; the server's log shows the cause"
            }
            _ => "see the server's log",
        };
        let mut seen = answer.summary();
        // A client that cannot read the error does not know whether to sign in again.
        if answer.status.is_client_error()
            && let Some(reason) =
                documents::rejected_by_own_library(Kind::TokenError, answer, profile)
        {
            seen = format!("{reason}; {seen}");
        }
        return Err(Fault::new(seen, expected, hint));
    }
    // The body contains tokens: it is never quoted.
    let fault = |seen: &str, hint: &str| Fault::new(seen, expected, hint);
    if let Ok(response) = answer.json::<Map<String, Value>>()
        && let Some((seen, hint)) = documents::token_problem(&response)
    {
        return Err(fault(&seen, hint));
    }
    let judgment = documents::judge(kind, answer, profile);
    if let Judgment::Rejected(fault, _) = judgment {
        return Err(fault);
    }
    let tokens: UnverifiedTokens = documents::read(kind, answer).map_err(|rejection| {
        if rejection.member.is_some() {
            return fault(&rejection.to_string(), &rejection.fix());
        }
        fault(
            "a body that is not a JSON token response",
            "answer as described in RFC 6749 §5.1",
        )
    })?;
    let access = tokens.access_token.filter(|token| !token.is_empty());
    let access =
        access.ok_or_else(|| fault("no access_token", "answer as described in RFC 6749 §5.1"))?;
    match tokens.token_type.as_deref() {
        Some(kind) if kind.eq_ignore_ascii_case("bearer") => {}
        Some(kind) => {
            return Err(fault(
                &format!("token_type {kind}"),
                "issue bearer tokens to MCP clients",
            ));
        }
        None => return Err(fault("no token_type", r#"add "token_type": "Bearer""#)),
    }
    if reqwest::header::HeaderValue::from_str(&access).is_err() {
        return Err(fault(
            "an access_token with characters that are not allowed in a header",
            "use only the characters of RFC 6750 §2.1",
        ));
    }
    let expires_in = tokens.expires_in.as_ref().and_then(seconds);
    let lifetime = match (expires_in, tokens.expires_in) {
        (Some(seconds), _) => format!("{seconds} s"),
        (None, Some(other)) => format!("{other} s"),
        (None, None) => "no expires_in".to_owned(),
    };
    let refresh = tokens
        .refresh_token
        .filter(|token| !token.is_empty())
        .map(Secret::new);
    let summary = format!(
        "Bearer, {lifetime}, {}",
        if refresh.is_some() {
            "with refresh token"
        } else {
            "no refresh token"
        }
    );
    let scopes = tokens.scope.as_deref();
    let is_separated_by_commas = scopes.is_some_and(documents::has_comma_separated_scopes);
    let by_commas = is_separated_by_commas.then(|| {
        let hint = "separate the scopes in `scope` by spaces";
        Fault::new(
            "scopes in `scope` are separated by commas",
            "spaces (RFC 6749 §3.3)",
            hint,
        )
    });
    Ok(Tokens {
        warning: by_commas.or(judgment.warning()),
        access: Secret::new(access),
        refresh,
        scopes: tokens.scope.as_deref().map(Scopes::parse),
        summary,
        expires_in,
        cache_control: answer.header(CACHE_CONTROL).map(str::to_owned),
    })
}

/// Returns the seconds of `expires_in`, which some servers send as text.
fn seconds(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}
