//! Builds the response to a request that is not allowed (RFC 6750 §3, RFC 9728 §5.1).

use std::fmt;

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};

use crate::{
    net::body::BodyError,
    oauth::{
        base_url::BaseUrl,
        error::{ErrorCode, OAuthError},
        paths,
        scope::Scopes,
    },
    state::App,
};

/// Why a request is refused.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Rejection {
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

/// The reason, for the log.
impl fmt::Display for Rejection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Missing => "there is no token",
            Self::Invalid(reason) | Self::Malformed(reason) => reason,
            Self::Scope(needed) => {
                return write!(formatter, "the token lacks scopes; enough are: {needed}");
            }
            Self::Unavailable => "the token cannot be verified at the moment",
            Self::Unconfirmed => "the ledger is unavailable",
            Self::UnknownScopes => "the scopes that the tool needs are unknown at the moment",
            Self::Body(BodyError::TooLong(_)) => "the body is too long",
            Self::Body(BodyError::TooSlow(_)) => "the body was not complete in time",
            Self::Body(BodyError::Incomplete) => "the body ended early",
        };
        formatter.write_str(text)
    }
}

/// Answers a request that was rejected.
pub(crate) fn challenge(app: &App, base: &BaseUrl, rejection: &Rejection) -> Response {
    let metadata = base.join(paths::RESOURCE_METADATA);
    let scope = match rejection {
        Rejection::Scope(needed) => needed,
        _ => app.scopes.base(),
    };
    let scope = app.asked_for(scope);
    let (status, error, description) = match rejection {
        Rejection::Unavailable => {
            return unavailable(
                "tokens cannot be verified: the authorization server does not respond correctly",
            );
        }
        Rejection::Unconfirmed => {
            return unavailable("the server cannot reach its storage; try again in a moment");
        }
        Rejection::UnknownScopes => {
            return unavailable("the scopes that this tool needs cannot be determined");
        }
        Rejection::Body(error) => return error.into_response(),
        Rejection::Missing => (StatusCode::UNAUTHORIZED, None, "a token is required"),
        Rejection::Invalid(why) => (StatusCode::UNAUTHORIZED, Some("invalid_token"), *why),
        Rejection::Scope(_) => (
            StatusCode::FORBIDDEN,
            Some("insufficient_scope"),
            "the token does not have the required scopes",
        ),
        Rejection::Malformed(why) => (StatusCode::BAD_REQUEST, Some("invalid_request"), *why),
    };
    let named = error.map_or_else(String::new, |error| {
        format!("error=\"{error}\", error_description=\"{description}\", ")
    });
    let mut value = format!("Bearer {named}resource_metadata=\"{metadata}\"");
    if !scope.is_empty() {
        value = format!("{value}, scope=\"{scope}\"");
    }
    let body = serde_json::json!({
        "error": error.unwrap_or("unauthorized"),
        "error_description": description,
    });
    let mut response = (status, Json(body)).into_response();
    // Base URLs and scopes are plain ASCII without quotes.
    if let Ok(value) = HeaderValue::from_str(&value) {
        response
            .headers_mut()
            .insert(header::WWW_AUTHENTICATE, value);
    }
    response
}

/// Returns 503, so that the client tries again and does not start a new sign-in.
fn unavailable(why: &'static str) -> Response {
    OAuthError::new(ErrorCode::TemporarilyUnavailable, why).into_response()
}
