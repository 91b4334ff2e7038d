//! rmcp as a judge: its OAuth client reads a document during a sign-in.

use std::sync::{Arc, Mutex};

use http::{Response, StatusCode};
use rmcp::transport::{
    AuthError, AuthorizationManager, OAuthHttpClient, OAuthHttpClientFuture, OAuthHttpRequest,
};
use serde_json::json;
use url::Url;

use super::{
    Answer,
    corpus::{Case, ISSUER, RESOURCE},
};

/// The version in `Cargo.lock`.
pub const LIBRARY: &str = "rmcp@3.11.0";
const REDIRECT_URI: &str = "http://127.0.0.1:33418/callback";

/// The documents by the start of their paths.
const PLACES: [(&str, &str); 5] = [
    (
        "/.well-known/oauth-protected-resource",
        "protected-resource",
    ),
    (
        "/.well-known/oauth-authorization-server",
        "authorization-server",
    ),
    ("/.well-known/openid-configuration", "openid-configuration"),
    ("/register", "registration"),
    ("/token", "token"),
];

/// Returns the answer of rmcp for each case.
pub async fn answers(cases: &[Case]) -> Vec<Answer> {
    let lock = include_str!("../../../Cargo.lock");
    let version = LIBRARY.trim_start_matches("rmcp@");
    assert!(lock.contains(&format!("name = \"rmcp\"\nversion = \"{version}\"\n")));
    let mut answers = Vec::new();
    for case in cases {
        let error = judge(case).await.err();
        answers.push(Answer {
            library: LIBRARY.to_owned(),
            accepted: error.is_none(),
            error,
        });
    }
    answers
}

/// Signs in at a server whose documents are valid, except for the one of the case.
async fn judge(case: &Case) -> Result<(), String> {
    let server = Arc::new(Server {
        document: case.document,
        status: case.status,
        content_type: case.content_type,
        body: case.body.clone().into_bytes(),
        requested: Mutex::default(),
    });
    let manager = AuthorizationManager::new_with_oauth_http_client(RESOURCE, server.clone());
    let mut manager = manager.await.unwrap();
    let resolved = manager.resolve_metadata().await;
    if case.document == "protected-resource" {
        // The next document is that of an authorization server, or this one at another address.
        let requested = server.requested.lock().unwrap().clone();
        let mut documents = requested.iter().filter_map(|path| document(path));
        return match documents.nth(1) {
            Some("protected-resource") => Err("requested at another address".to_owned()),
            Some(_) => Ok(()),
            None => Err(format!("{resolved:?}")),
        };
    }
    let resolved = resolved.map_err(text)?;
    if !resolved.source.is_discovered() {
        return Err("not read".to_owned());
    }
    manager.set_metadata(resolved.metadata);
    if case.document == "registration" {
        let registered = manager.register_client("test", REDIRECT_URI, &[]).await;
        return registered.map(drop).map_err(text);
    }
    manager.configure_client_id("client-1").map_err(text)?;
    let url = manager.get_authorization_url(&[]).await.map_err(text)?;
    if !case.document.starts_with("token") {
        return Ok(());
    }
    let url = Url::parse(&url).unwrap();
    let state = url.query_pairs().find(|(name, _)| name == "state").unwrap();
    let exchanged = manager.exchange_code_for_token("code", &state.1).await;
    match exchanged {
        Ok(_) if case.document == "token" => Ok(()),
        Ok(_) => Err("read as a success".to_owned()),
        Err(AuthError::TokenExchangeFailed(error))
            if case.document == "token-error"
                && error.starts_with("Server returned error response") =>
        {
            Ok(())
        }
        Err(error) => Err(text(error)),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the argument of map_err")]
fn text(error: AuthError) -> String {
    error.to_string()
}

fn document(path: &str) -> Option<&'static str> {
    let mut places = PLACES.iter();
    let place = places.find(|(start, _)| path.starts_with(start));
    place.map(|(_, document)| *document)
}

/// The server and its authorization server.
struct Server {
    /// The document with a defect, and the response with it.
    document: &'static str,
    status: u16,
    content_type: &'static str,
    body: Vec<u8>,
    requested: Mutex<Vec<String>>,
}

impl OAuthHttpClient for Server {
    fn execute(&self, request: OAuthHttpRequest) -> OAuthHttpClientFuture<'_> {
        let path = request.request.uri().path().to_owned();
        let found = document(&path);
        self.requested.lock().unwrap().push(path);
        let is_token = self.document.starts_with("token") && found == Some("token");
        let response = match found {
            Some(document) if document == self.document || is_token => Response::builder()
                .status(self.status)
                .header("content-type", self.content_type)
                .body(self.body.clone()),
            // The two documents of an authorization server are alternatives.
            Some("protected-resource") => valid(json!({
                "resource": RESOURCE,
                "authorization_servers": [ISSUER],
            })),
            Some("authorization-server") if self.document != "openid-configuration" => {
                valid(json!({
                    "issuer": ISSUER,
                    "authorization_endpoint": format!("{ISSUER}/authorize"),
                    "token_endpoint": format!("{ISSUER}/token"),
                    "registration_endpoint": format!("{ISSUER}/register"),
                    "code_challenge_methods_supported": ["S256"],
                }))
            }
            _ => Response::builder()
                .status(StatusCode::NOT_FOUND)
                .body(Vec::new()),
        };
        Box::pin(async move { Ok(response?) })
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the argument is a literal")]
fn valid(document: serde_json::Value) -> http::Result<Response<Vec<u8>>> {
    Response::builder()
        .header("content-type", "application/json")
        .body(document.to_string().into_bytes())
}
