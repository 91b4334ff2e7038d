//! Builds the response to a request that is not allowed (RFC 6750 §3, RFC 9728 §5.1).

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};

use super::Rejection;
use crate::{
    app::App,
    base_url::BaseUrl,
    oauth_error::{ErrorCode, OAuthError},
    routes,
};

pub(super) fn challenge(app: &App, base: &BaseUrl, rejection: &Rejection) -> Response {
    let metadata = base.join(routes::RESOURCE_METADATA);
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
