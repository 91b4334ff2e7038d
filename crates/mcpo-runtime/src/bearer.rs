//! Protects `/mcp`: a request passes only with a valid token for this resource (RFC 6750, RFC 9728
//! §5.1).

mod challenge;

use std::{borrow::Cow, sync::Arc, time::Duration};

use axum::{
    body::{Body, Bytes},
    response::Response,
};
use http::{HeaderMap, Method, header, request::Parts};

use self::challenge::challenge;
use crate::{
    app::App,
    base_url::BaseUrl,
    caller::Caller,
    clock::Timestamp,
    connection::Connection,
    external::Holder,
    grant::AccessToken,
    jwt::{JwtFault, TokenFault},
    ledger::GrantId,
    live::{self, GrantState},
    login::LoginError,
    mcp::{Ambiguous, Demand, UnknownScopes},
    request_body::{self, BodyError, MESSAGE_TIMEOUT},
    scope::Scopes,
};

/// The limit that rmcp has, too.
const MAX_MESSAGE_LEN: usize = 4 * 1024 * 1024;
/// A session of the older protocol keeps its first message in memory until the session ends.
const MAX_INITIALIZE_LEN: usize = 64 * 1024;
/// A request without a token can only list, and such a message is short.
const MAX_STRANGERS_MESSAGE_LEN: usize = 64 * 1024;

const EXPIRED: &str = "the token has expired";
/// How long the verified token of an external authorization server is remembered on a connection.
const REMEMBER_FOR: Duration = Duration::from_secs(60);
const SIGNED_OUT: &str = "the sign-in has ended at the identity provider";

/// What an opened access token says about its caller.
#[derive(Debug)]
pub(crate) struct Pass {
    caller: Caller,
    /// `None` if an external authorization server issued the token.
    grant: Option<GrantId>,
    resource: String,
    expires_at: Timestamp,
    opened_at: Timestamp,
}

impl Pass {
    fn new(mut token: AccessToken, app: &Arc<App>) -> Self {
        Self {
            opened_at: app.now(),
            grant: Some(token.grant.id),
            resource: std::mem::take(&mut token.grant.resource),
            expires_at: token.expires_at,
            caller: Caller::from_token(token, app),
        }
    }

    fn of_holder(holder: Holder, app: &App) -> Self {
        Self {
            grant: None,
            opened_at: app.now(),
            // The audience of the token has been verified.
            resource: app.bases.primary().resource(),
            expires_at: holder.expires_at,
            caller: Caller::from_holder(holder),
        }
    }
}

/// Why a request is refused.
#[derive(Debug, PartialEq, Eq)]
enum Rejection {
    /// There is no token. The response says where to get one and has no error code.
    Missing,
    /// The token is invalid.
    Invalid(&'static str),
    /// The token lacks scopes. These scopes are enough.
    Scope(Scopes),
    /// The token cannot be verified at the moment.
    Unavailable,
    /// The ledger is unavailable, so mcpo cannot check whether the grant has ended.
    Unconfirmed,
    /// The scopes that the tool needs are unknown at the moment.
    UnknownScopes,
    /// The body was not read to its end.
    Body(BodyError),
    /// The request sends the token in a way that is not allowed, or is malformed.
    Malformed(&'static str),
}

/// A request that is allowed.
pub(crate) struct Admitted {
    pub(crate) caller: Caller,
    /// What the request asks for.
    pub(crate) demand: Demand,
    /// The complete body.
    pub(crate) body: Bytes,
}

/// Returns the caller of a request to `base` together with the body, or the response that refuses
/// the request.
pub(crate) async fn admit(
    app: &Arc<App>,
    base: &BaseUrl,
    parts: &Parts,
    body: Body,
    connection: &Connection,
) -> Result<Admitted, Box<Response>> {
    let admitted = match verify(app, parts, connection).await {
        Ok(pass) => admit_pass(app, parts, body, &pass).await,
        Err(Rejection::Missing) if app.open_listing => admit_stranger(parts, body).await,
        Err(rejection) => Err(rejection),
    };
    admitted.map_err(|rejection| {
        tracing::info!(?rejection, method = %parts.method, "no access");
        Box::new(challenge(app, base, &rejection))
    })
}

/// Reads the body only after the token has been verified.
async fn admit_pass(
    app: &App,
    parts: &Parts,
    body: Body,
    pass: &Pass,
) -> Result<Admitted, Rejection> {
    let (demand, body) = read_message(parts, body, MAX_MESSAGE_LEN).await?;
    let granted = pass.caller.scopes();
    let mut needed = Cow::Borrowed(app.scopes.base());
    for tool in &demand.tools {
        let of_tool = app.tool_scopes.of(tool, &pass.caller).await;
        let of_tool = of_tool.map_err(|UnknownScopes| Rejection::UnknownScopes)?;
        if !of_tool.is_empty() {
            app.scopes.learn(&of_tool);
            needed = Cow::Owned(needed.union(&of_tool));
        }
    }
    if !app.scopes.covers(granted, &needed) {
        // Ask for all scopes, old and new, in one challenge, so that one consent is enough.
        return Err(Rejection::Scope(needed.union(granted)));
    }
    Ok(Admitted {
        caller: pass.caller.clone(),
        demand,
        body,
    })
}

async fn admit_stranger(parts: &Parts, body: Body) -> Result<Admitted, Rejection> {
    let (demand, body) = read_message(parts, body, MAX_STRANGERS_MESSAGE_LEN).await?;
    if !demand.only_lists {
        return Err(Rejection::Missing);
    }
    Ok(Admitted {
        caller: Caller::anonymous(),
        demand,
        body,
    })
}

/// Reads the body and what it asks for.
async fn read_message(
    parts: &Parts,
    body: Body,
    max_len: usize,
) -> Result<(Demand, Bytes), Rejection> {
    // The body of any other method has no meaning.
    if parts.method != Method::POST {
        return Ok((Demand::default(), Bytes::new()));
    }
    let body = request_body::read(body, max_len, MESSAGE_TIMEOUT).await;
    let body = body.map_err(Rejection::Body)?;
    let demand = Demand::read(&body).map_err(|Ambiguous| {
        Rejection::Malformed("the body can be read as more than one JSON-RPC message")
    })?;
    if demand.begins_session && body.len() > MAX_INITIALIZE_LEN {
        return Err(Rejection::Body(BodyError::TooLong(MAX_INITIALIZE_LEN)));
    }
    Ok((demand, body))
}

async fn verify(
    app: &Arc<App>,
    request: &Parts,
    connection: &Connection,
) -> Result<Arc<Pass>, Rejection> {
    let query = request.uri.query().unwrap_or_default();
    if url::form_urlencoded::parse(query.as_bytes()).any(|(name, _)| name == "access_token") {
        return Err(Rejection::Malformed(
            "a token belongs in the Authorization header, not in the URL",
        ));
    }
    let unverified = bearer_token(&request.headers)?;
    let now = app.now();
    let known = connection.pass.recall(unverified.as_bytes());
    // mcpo's own keys do not change while the server runs; an external server may revoke its keys.
    let known =
        known.filter(|pass| app.external.is_none() || now.since(pass.opened_at) < REMEMBER_FOR);
    let pass = if let Some(known) = known {
        known
    } else {
        // Boxed, like the renewal below: large, and rare on a connection that stays open.
        let pass = Arc::new(Box::pin(open(app, unverified)).await?);
        connection
            .pass
            .keep(unverified.as_bytes(), Arc::clone(&pass));
        pass
    };
    if pass.expires_at <= now {
        return Err(Rejection::Invalid(EXPIRED));
    }
    if !app.bases.is_own_resource(&pass.resource) {
        let ours = app.bases.primary().resource();
        tracing::warn!(
            audience = pass.resource,
            ours,
            "the token is for another resource"
        );
        return Err(Rejection::Invalid("the token is for another resource"));
    }
    if let Some(grant) = pass.grant {
        match live::state(app, grant).await {
            GrantState::Live
            | GrantState::Unconfirmed {
                is_acceptable: true,
            } => {}
            GrantState::Ended => return Err(Rejection::Invalid("the grant has ended")),
            GrantState::Unconfirmed { .. } => return Err(Rejection::Unconfirmed),
        }
    }
    if let Some(id) = pass.caller.sign_in() {
        // Renews a sign-in that is about to expire. An unreachable provider is no reason to refuse:
        // only the tool may need it, and then the tool gets the error.
        let renewed = Box::pin(app.upstream.current(app, id)).await;
        if let Err(LoginError::Refused(_)) = renewed {
            return Err(Rejection::Invalid(SIGNED_OUT));
        }
    }
    Ok(pass)
}

/// Verifies a token that was issued by this server or by the external authorization server.
async fn open(app: &Arc<App>, unverified: &str) -> Result<Pass, Rejection> {
    let Some(external) = &app.external else {
        let token = app.keys.open(unverified);
        let token: AccessToken =
            token.map_err(|_| Rejection::Invalid("the token was not issued by this server"))?;
        if !token.grant.person.is_current(&app.epochs) {
            return Err(Rejection::Invalid(
                "the sign-in method has changed since this token was issued",
            ));
        }
        if !app.accepts_grants_of(token.granted_at) {
            return Err(Rejection::Invalid(
                "the server has ended all grants from that time",
            ));
        }
        return Ok(Pass::new(token, app));
    };
    let holder = external
        .holder(unverified, &app.bases, &app.scopes, app.now())
        .await;
    holder
        .map(|holder| Pass::of_holder(holder, app))
        .map_err(|fault| match fault {
            TokenFault::Issuer(error) => {
                tracing::error!(%error, "cannot verify tokens");
                Rejection::Unavailable
            }
            TokenFault::Token(JwtFault::Expired) => Rejection::Invalid(EXPIRED),
            TokenFault::Token(fault) => {
                tracing::warn!(%fault, "token refused");
                Rejection::Invalid("the token was not issued for this server")
            }
        })
}

fn bearer_token(headers: &HeaderMap) -> Result<&str, Rejection> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = match (values.next(), values.next()) {
        (None, _) => return Err(Rejection::Missing),
        (Some(value), None) => value,
        (Some(_), Some(_)) => {
            return Err(Rejection::Malformed(
                "the request has two Authorization headers",
            ));
        }
    };
    let text = value
        .to_str()
        .map_err(|_| Rejection::Malformed("the Authorization header is not plain text"))?;
    let (scheme, token) = text.split_once(' ').unwrap_or((text, ""));
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(Rejection::Missing);
    }
    let token = token.trim_matches(' ');
    if token.is_empty() || token.contains(' ') {
        return Err(Rejection::Malformed(
            "the Authorization header must be: Bearer, a space, the token",
        ));
    }
    Ok(token)
}

/// Returns the challenge for a call during which the provider ended the sign-in: the client lets
/// the user sign in again and then repeats the call.
pub(crate) fn signed_out(app: &App, base: &BaseUrl) -> Response {
    challenge(app, base, &Rejection::Invalid(SIGNED_OUT))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rs3_what_is_a_bearer_header() {
        let parse = |values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(header::AUTHORIZATION, value.parse().unwrap());
            }
            bearer_token(&headers).map(str::to_owned)
        };
        assert_eq!(parse(&[]), Err(Rejection::Missing));
        assert_eq!(parse(&["Basic abc"]), Err(Rejection::Missing));
        assert_eq!(parse(&["bearer abc"]), Ok("abc".into()));
        for malformed in [
            &["Bearer"][..],
            &["Bearer "],
            &["Bearer a b"],
            &["Bearer a", "Bearer b"],
        ] {
            assert!(
                matches!(parse(malformed), Err(Rejection::Malformed(_))),
                "{malformed:?}"
            );
        }
    }
}
