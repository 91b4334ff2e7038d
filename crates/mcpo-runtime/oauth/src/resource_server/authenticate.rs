//! Protects `/mcp`: a request passes only with a valid token for this resource (RFC 6750, RFC 9728
//! §5.1).

use std::{sync::Arc, time::Duration};

use axum::response::Response;
use http::{HeaderMap, header, request::Parts};

use super::{
    challenge::{Rejection, challenge},
    connection_cache::Connection,
    validated_token::ValidatedToken,
};
use crate::{
    jwt::{JwtError, TokenError},
    login::LoginError,
    oauth::{base_url::BaseUrl, grant::AccessToken},
    state::App,
    store::grant_cache::GrantState,
};

const EXPIRED: &str = "the token has expired";
/// How long the verified token of an external authorization server is cached on a connection.
const EXTERNAL_TOKEN_CACHED_FOR: Duration = Duration::from_secs(60);
const SIGNED_OUT: &str = "the sign-in has ended at the identity provider";

/// Validates the token of a request.
#[inline]
pub async fn authenticate(
    app: &App,
    request: &Parts,
    connection: &Connection,
) -> Result<Arc<ValidatedToken>, Rejection> {
    let query = request.uri.query().unwrap_or_default();
    if url::form_urlencoded::parse(query.as_bytes()).any(|(name, _)| name == "access_token") {
        return Err(Rejection::Malformed(
            "a token belongs in the Authorization header, not in the URL",
        ));
    }
    let unverified = bearer_token(&request.headers)?;
    let now = app.now();
    let known = connection.token.get(unverified.as_bytes());
    // mcpo's own keys do not change while the server runs; an external server may revoke its keys.
    let known = known.filter(|token| {
        app.external.is_none() || now.since(token.opened_at) < EXTERNAL_TOKEN_CACHED_FOR
    });
    let token = if let Some(known) = known {
        known
    } else {
        // Boxed, like the renewal below: large, and rare on a connection that stays open.
        let token = Arc::new(Box::pin(open(app, unverified)).await?);
        connection
            .token
            .insert(unverified.as_bytes(), Arc::clone(&token));
        token
    };
    if token.expires_at <= now {
        return Err(Rejection::Invalid(EXPIRED));
    }
    if !app.bases.is_own_resource(&token.resource) {
        let ours = app.bases.primary().resource();
        tracing::warn!(
            audience = token.resource,
            ours,
            "the token is for another resource"
        );
        return Err(Rejection::Invalid("the token is for another resource"));
    }
    if let Some(grant) = token.grant {
        match app.grants.state(grant).await {
            GrantState::Live
            | GrantState::Unconfirmed {
                is_acceptable: true,
            } => {}
            GrantState::Ended => return Err(Rejection::Invalid("the grant has ended")),
            GrantState::Unconfirmed { .. } => return Err(Rejection::Unconfirmed),
        }
    }
    if let Some(id) = token.caller.sign_in() {
        // Renews a sign-in that is about to expire. An unreachable provider is no reason to refuse:
        // only the tool may need it, and then the tool gets the error.
        let renewed = Box::pin(app.upstream.current(id)).await;
        if let Err(LoginError::Refused(_)) = renewed {
            return Err(Rejection::Invalid(SIGNED_OUT));
        }
    }
    Ok(token)
}

/// Verifies a token that was issued by this server or by the external authorization server.
async fn open(app: &App, unverified: &str) -> Result<ValidatedToken, Rejection> {
    let Some(external) = &app.external else {
        let token = app.keys.open(unverified);
        let token: AccessToken =
            token.map_err(|_| Rejection::Invalid("the token was not issued by this server"))?;
        if !token.grant.subject.is_current(&app.credential_versions) {
            return Err(Rejection::Invalid(
                "the sign-in method has changed since this token was issued",
            ));
        }
        if !app.accepts_grants_of(token.granted_at) {
            return Err(Rejection::Invalid(
                "the server has ended all grants from that time",
            ));
        }
        return Ok(ValidatedToken::new(token, app));
    };
    let claims = external
        .validate(unverified, &app.bases, &app.scopes, app.now())
        .await;
    claims
        .map(|claims| ValidatedToken::from_external(claims, app))
        .map_err(|fault| match fault {
            TokenError::Issuer(error) => {
                tracing::error!(%error, "cannot verify tokens");
                Rejection::Unavailable
            }
            TokenError::Token(JwtError::Expired) => Rejection::Invalid(EXPIRED),
            TokenError::Token(fault) => {
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
pub fn signed_out(app: &App, base: &BaseUrl) -> Response {
    challenge(app, base, &Rejection::Invalid(SIGNED_OUT))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rs3_malformed_bearer_header_is_not_treated_as_missing() {
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
