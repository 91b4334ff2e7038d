//! The OpenID provider: users sign in, and clients get tokens for them. It checks that clients send
//! what the protocol requires, and answers wrongly on request.

use std::{collections::HashMap, sync::Arc};

use axum::{
    Json,
    extract::{Form, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use base64::{
    Engine as _, engine::general_purpose::STANDARD, engine::general_purpose::URL_SAFE_NO_PAD,
};
use mcpo_runtime::Clock as _;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use url::Url;

use super::{Shared, SigningKey, TestIssuer};
use crate::client::{challenge, query_of};

const CLIENT: &str = "the client";
const SECRET: &str = "a secret: with & in it";

/// What the provider does wrong from now on.
#[derive(Clone, Debug, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an independent fault"
)]
pub struct ProviderFault {
    /// Claims of the id token that differ; null removes a claim.
    pub claims: Value,
    /// The same for the header of the id token.
    pub head: Value,
    /// The id token is signed with a key that is not published.
    pub forged: bool,
    /// A response of the token endpoint, instead of the correct one.
    pub token: Option<(u16, String)>,
    /// A response of the userinfo endpoint, instead of the correct one.
    pub userinfo: Option<(u16, String)>,
    /// Parameters of the redirect that differ; an empty value removes a parameter.
    pub callback: Vec<(&'static str, String)>,
    /// The metadata does not announce the `iss` parameter of the redirect.
    pub silent: bool,
    /// There is no userinfo endpoint.
    pub no_userinfo: bool,
    /// Refresh responses contain no id token.
    pub no_later_id_token: bool,
    /// The id token contains no claims about the user except the subject.
    pub bare_id_token: bool,
}

/// The accounts, and the issued codes and tokens.
#[derive(Default)]
pub(super) struct Users {
    pub(super) wrong: ProviderFault,
    accounts: HashMap<String, Value>,
    codes: HashMap<String, Request>,
    /// Subjects by access token.
    access: HashMap<String, String>,
    refresh: HashMap<String, String>,
    violations: Vec<String>,
    count: u32,
}

#[derive(Clone)]
struct Request {
    person: String,
    nonce: String,
    challenge: String,
    redirect_uri: String,
}

impl TestIssuer {
    /// The id and secret of the registered client.
    pub const CLIENT: (&'static str, &'static str) = (CLIENT, SECRET);

    /// Creates an account with these claims, or replaces the claims of an existing account.
    pub fn set_account(&self, subject: &str, claims: Value) {
        let mut users = self.users();
        users.accounts.insert(subject.to_owned(), claims);
    }

    /// Closes an account; its tokens become invalid.
    pub fn remove_account(&self, subject: &str) {
        self.users().accounts.remove(subject);
    }

    /// Sets what the provider does wrong from now on.
    pub fn set_fault(&self, wrong: ProviderFault) {
        self.users().wrong = wrong;
    }

    /// Returns the complaints about the requests so far.
    pub fn violations(&self) -> Vec<String> {
        self.users().violations.clone()
    }

    /// Signs a user in, consents, and returns the URL of the redirect that follows.
    pub fn decide(&self, url: &str, subject: &str) -> String {
        let get = |name: &str| query_of(url, name).unwrap_or_default();
        let mut users = self.users();
        for (name, expected) in [
            ("response_type", "code"),
            ("client_id", CLIENT),
            ("code_challenge_method", "S256"),
        ] {
            if get(name) != expected {
                users.violations.push(format!("{name} is {:?}", get(name)));
            }
        }
        for name in ["state", "nonce", "code_challenge"] {
            if get(name).len() < 22 {
                users.violations.push(format!("{name} is {:?}", get(name)));
            }
        }
        if !get("scope").split(' ').any(|scope| scope == "openid") {
            users
                .violations
                .push("the scope does not contain openid".to_owned());
        }
        let code = users.next("code");
        let request = Request {
            person: subject.to_owned(),
            nonce: get("nonce"),
            challenge: get("code_challenge"),
            redirect_uri: get("redirect_uri"),
        };
        users.codes.insert(code.clone(), request);
        let mut answer = vec![
            ("code", code),
            ("state", get("state")),
            ("iss", self.issuer()),
        ];
        for (name, value) in &users.wrong.callback {
            answer.retain(|(known, _)| known != name);
            answer.push((name, value.clone()));
        }
        answer.retain(|(_, value)| !value.is_empty());
        Url::parse_with_params(&get("redirect_uri"), answer)
            .expect("a URL")
            .into()
    }

    fn users(&self) -> std::sync::MutexGuard<'_, Users> {
        self.shared.users.lock().expect("no panic")
    }
}

impl Users {
    fn next(&mut self, what: &str) -> String {
        self.count += 1;
        format!("{what}-{}-{}", self.count, "x".repeat(16))
    }
}

pub(super) async fn token(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    Form(form): Form<HashMap<String, String>>,
) -> Response {
    let get = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
    let mut users = shared.users.lock().expect("no panic");
    if let Some((status, body)) = users.wrong.token.clone() {
        return given(status, body);
    }
    let encode =
        |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let expected = STANDARD.encode(format!("{}:{}", encode(CLIENT), encode(SECRET)));
    let sent = headers
        .get(header::AUTHORIZATION)
        .map(HeaderValue::as_bytes);
    if sent != Some(format!("Basic {expected}").as_bytes()) {
        return error("invalid_client");
    }
    let request = match get("grant_type") {
        "authorization_code" => users.codes.remove(get("code")).filter(|request| {
            challenge(get("code_verifier")) == request.challenge
                && get("redirect_uri") == request.redirect_uri
        }),
        "refresh_token" => users
            .refresh
            .remove(get("refresh_token"))
            .map(|person| Request {
                person,
                nonce: String::new(),
                challenge: String::new(),
                redirect_uri: String::new(),
            }),
        _ => return error("unsupported_grant_type"),
    };
    let request = request.filter(|request| users.accounts.contains_key(&request.person));
    let Some(request) = request else {
        return error("invalid_grant");
    };
    let (access, refresh) = (users.next("access"), users.next("refresh"));
    users.access.insert(access.clone(), request.person.clone());
    users
        .refresh
        .insert(refresh.clone(), request.person.clone());
    let id_token = id_token(&shared, &users, &request, &access);
    let is_later = get("grant_type") == "refresh_token";
    let id_token = (!(is_later && users.wrong.no_later_id_token)).then_some(id_token);
    let mut answer = json!({
        "access_token": access, "token_type": "Bearer", "expires_in": 3600,
        "refresh_token": refresh,
    });
    merge(&mut answer, &json!({ "id_token": id_token }));
    Json(answer).into_response()
}

fn id_token(shared: &Shared, users: &Users, request: &Request, access: &str) -> String {
    let now = shared.clock.now().as_secs();
    let digest = Sha256::digest(access);
    let mut claims = json!({
        "iss": shared.issuer, "sub": request.person, "aud": CLIENT, "nonce": request.nonce,
        "iat": now, "exp": now + 300, "at_hash": URL_SAFE_NO_PAD.encode(&digest[..16]),
    });
    if request.nonce.is_empty() {
        claims["nonce"] = Value::Null;
    }
    if !users.wrong.bare_id_token {
        merge(&mut claims, &users.accounts[&request.person]);
    }
    merge(&mut claims, &users.wrong.claims);
    let mut head = json!({ "typ": "JWT" });
    merge(&mut head, &users.wrong.head);
    let keys = shared.keys.lock().expect("no panic");
    if users.wrong.forged {
        return SigningKey::new("first").sign(head, &claims);
    }
    keys[0].sign(head, &claims)
}

pub(super) async fn userinfo(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    let users = shared.users.lock().expect("no panic");
    if let Some((status, body)) = users.wrong.userinfo.clone() {
        return given(status, body);
    }
    let sent = headers.get(header::AUTHORIZATION);
    let token = sent.and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    let person = token.and_then(|token| users.access.get(token));
    let account = person.and_then(|person| Some((person, users.accounts.get(person)?)));
    let Some((person, account)) = account else {
        return StatusCode::UNAUTHORIZED.into_response();
    };
    let mut claims = json!({ "sub": person });
    merge(&mut claims, account);
    Json(claims).into_response()
}

fn merge(into: &mut Value, members: &Value) {
    for (name, value) in members.as_object().into_iter().flatten() {
        into[name] = value.clone();
    }
    if let Some(members) = into.as_object_mut() {
        members.retain(|name, value| !value.is_null() || name == "kid");
    }
}

fn error(code: &str) -> Response {
    (StatusCode::BAD_REQUEST, Json(json!({ "error": code }))).into_response()
}

fn given(status: u16, body: String) -> Response {
    let status = StatusCode::from_u16(status).expect("a status");
    (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}
