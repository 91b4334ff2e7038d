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
pub enum Rejection {
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

impl Rejection {
    /// Returns the scopes that would be enough, if the token lacks scopes.
    #[must_use]
    pub const fn needed_scopes(&self) -> Option<&Scopes> {
        match self {
            Self::Scope(needed) => Some(needed),
            _ => None,
        }
    }
}

/// The reason, for the client and for the log.
impl fmt::Display for Rejection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Missing => "a token is required",
            Self::Invalid(reason) | Self::Malformed(reason) => reason,
            Self::Scope(_) => "the token does not have the required scopes",
            Self::Unavailable => {
                "tokens cannot be verified: the authorization server does not respond correctly"
            }
            Self::Unconfirmed => "the server cannot reach its storage; try again in a moment",
            Self::UnknownScopes => "the scopes that this tool needs cannot be determined",
            Self::Body(error) => return error.fmt(formatter),
        })
    }
}

/// Answers a request that was rejected.
pub fn challenge(app: &App, base: &BaseUrl, rejection: &Rejection) -> Response {
    let metadata = base.join(paths::RESOURCE_METADATA);
    let scope = rejection.needed_scopes().unwrap_or(app.scopes.base());
    let scope = app.asked_for(scope);
    let description = rejection.to_string();
    let (status, error) = match rejection {
        Rejection::Unavailable | Rejection::Unconfirmed | Rejection::UnknownScopes => {
            // The client tries again and does not start a new sign-in.
            let error = OAuthError::new(ErrorCode::TemporarilyUnavailable, description);
            return error.into_response();
        }
        Rejection::Body(error) => return error.into_response(),
        Rejection::Missing => (StatusCode::UNAUTHORIZED, None),
        Rejection::Invalid(_) => (StatusCode::UNAUTHORIZED, Some("invalid_token")),
        Rejection::Scope(_) => (StatusCode::FORBIDDEN, Some("insufficient_scope")),
        Rejection::Malformed(_) => (StatusCode::BAD_REQUEST, Some("invalid_request")),
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
