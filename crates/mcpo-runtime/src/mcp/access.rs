//! Decides which messages reach rmcp: checks the token of the caller and the scopes that the called
//! tools require.

use std::{borrow::Cow, sync::Arc};

use axum::{
    body::{Body, Bytes},
    response::Response,
};
use http::request::Parts;
use mcpo_runtime_oauth::{
    oauth::base_url::BaseUrl,
    resource_server::{
        authenticate::authenticate,
        challenge::{Rejection, challenge},
        connection_cache::Connection,
        validated_token::ValidatedToken,
    },
    state::App,
};

use super::{
    body::{MessageSummary, read_message},
    required_scopes::{RequiredScopes, UnknownScopes},
};
use crate::caller::Caller;

/// The limit that rmcp has, too.
const MAX_MESSAGE_LEN: usize = 4 * 1024 * 1024;
/// A request without a token can only list, and such a message is short.
const MAX_ANONYMOUS_MESSAGE_LEN: usize = 64 * 1024;

/// A request that is allowed.
pub(crate) struct AuthorizedMessage {
    pub(crate) caller: Caller,
    /// What the request asks for.
    pub(crate) summary: MessageSummary,
    /// The complete body.
    pub(crate) body: Bytes,
}

/// Returns the caller of a request to `base` together with the body, or the response that refuses
/// the request.
pub(crate) async fn authorize(
    app: &App,
    required_scopes: &RequiredScopes,
    base: &BaseUrl,
    parts: &Parts,
    body: Body,
    connection: &Connection,
) -> Result<AuthorizedMessage, Box<Response>> {
    let authorized = match authenticate(app, parts, connection).await {
        Ok(token) => authorize_token(app, required_scopes, parts, body, &token).await,
        Err(Rejection::Missing) if app.open_listing => authenticate_anonymous(parts, body).await,
        Err(rejection) => Err(rejection),
    };
    authorized.map_err(|rejection| {
        let needed = rejection.needed_scopes().map(tracing::field::display);
        tracing::info!(reason = %rejection, needed, method = %parts.method, "no access");
        Box::new(challenge(app, base, &rejection))
    })
}

/// Reads the body only after the token has been verified.
async fn authorize_token(
    app: &App,
    required_scopes: &RequiredScopes,
    parts: &Parts,
    body: Body,
    token: &ValidatedToken,
) -> Result<AuthorizedMessage, Rejection> {
    let (summary, body) = read_message(parts, body, MAX_MESSAGE_LEN).await?;
    let caller = Caller::new(Arc::clone(&token.caller));
    let granted = caller.scopes();
    let mut needed = Cow::Borrowed(app.scopes.base());
    for tool in &summary.tools {
        let of_tool = required_scopes.of(tool, &caller).await;
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
    Ok(AuthorizedMessage {
        caller,
        summary,
        body,
    })
}

async fn authenticate_anonymous(parts: &Parts, body: Body) -> Result<AuthorizedMessage, Rejection> {
    let (summary, body) = read_message(parts, body, MAX_ANONYMOUS_MESSAGE_LEN).await?;
    if !summary.only_lists {
        return Err(Rejection::Missing);
    }
    Ok(AuthorizedMessage {
        caller: Caller::anonymous(),
        summary,
        body,
    })
}
