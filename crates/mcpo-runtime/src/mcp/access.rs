//! Decides which messages reach the server's tools: whose they are, and with which scopes.

use std::borrow::Cow;

use axum::{
    body::{Body, Bytes},
    response::Response,
};
use http::request::Parts;

use super::{
    body::{Demand, read_message},
    required_scopes::{ToolScopes, UnknownScopes},
};
use crate::{
    oauth::base_url::BaseUrl,
    resource_server::{
        authenticate::authenticate,
        caller::Caller,
        challenge::{Rejection, challenge},
        connection_cache::Connection,
        validated_token::Pass,
    },
    state::App,
};

/// The limit that rmcp has, too.
const MAX_MESSAGE_LEN: usize = 4 * 1024 * 1024;
/// A request without a token can only list, and such a message is short.
const MAX_STRANGERS_MESSAGE_LEN: usize = 64 * 1024;

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
    app: &App,
    tool_scopes: &ToolScopes,
    base: &BaseUrl,
    parts: &Parts,
    body: Body,
    connection: &Connection,
) -> Result<Admitted, Box<Response>> {
    let admitted = match authenticate(app, parts, connection).await {
        Ok(pass) => admit_pass(app, tool_scopes, parts, body, &pass).await,
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
    tool_scopes: &ToolScopes,
    parts: &Parts,
    body: Body,
    pass: &Pass,
) -> Result<Admitted, Rejection> {
    let (demand, body) = read_message(parts, body, MAX_MESSAGE_LEN).await?;
    let granted = pass.caller.scopes();
    let mut needed = Cow::Borrowed(app.scopes.base());
    for tool in &demand.tools {
        let of_tool = tool_scopes.of(tool, &pass.caller).await;
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
