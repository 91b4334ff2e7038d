//! Addresses that a client names must not lead the server into its own network. A listener on this
//! machine detects whether the server connects.

use std::time::Duration;

use serde_json::json;
use tokio::net::TcpListener;

use super::{
    context::{AttackContext, with},
    outcome::{AttackOutcome, AttackResult},
    registration, rules,
};
use crate::{
    check::Log,
    http::{RequestError, is_loopback},
};

/// How long after the response a connection may still arrive.
const LATE_CONNECTION_TIMEOUT: Duration = Duration::from_millis(150);

pub async fn check(context: &AttackContext<'_>, log: &mut Log<'_>) {
    rules::SSRF_DOCUMENT
        .check(log, document(context, "127.0.0.1"))
        .await;
    rules::SSRF_DOCUMENT_BY_NAME
        .check(log, document(context, "localhost"))
        .await;
    rules::SSRF_REGISTRATION
        .check(log, registered(context))
        .await;
}

async fn witness() -> Result<(TcpListener, u16), RequestError> {
    let failed = |error: std::io::Error| RequestError::other(&error);
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(failed)?;
    let port = listener.local_addr().map_err(failed)?.port();
    Ok((listener, port))
}

fn too_far() -> AttackOutcome {
    let because = "only a server on this machine can reach the probe's listener";
    AttackOutcome::Skipped(because.to_owned())
}

async fn document(context: &AttackContext<'_>, host: &str) -> AttackResult {
    if !is_loopback(context.target) {
        return Ok(too_far());
    }
    if !context.server.takes_documents {
        return Ok(AttackOutcome::Skipped(
            "the server does not support metadata documents".to_owned(),
        ));
    }
    let (listener, port) = witness().await?;
    let id = format!("https://{host}:{port}/client.json");
    let url = with(&context.request()?.url, "client_id", Some(&id));
    testify(&listener, context.visit(&url, &[])).await
}

/// Registers URLs of logos, policies and keys.
async fn registered(context: &AttackContext<'_>) -> AttackResult {
    if !is_loopback(context.target) {
        return Ok(too_far());
    }
    let (listener, port) = witness().await?;
    let at = |path: &str| format!("http://127.0.0.1:{port}/{path}");
    let more = json!({
        "logo_uri": at("logo.png"), "client_uri": at("home"), "policy_uri": at("policy"),
        "tos_uri": at("terms"), "jwks_uri": at("keys.json"), "sector_identifier_uri": at("uris.json"),
    });
    testify(&listener, registration::register(context, more)).await
}

async fn testify<T>(
    listener: &TcpListener,
    attempt: impl Future<Output = Result<T, RequestError>>,
) -> AttackResult {
    let connected = async {
        tokio::join!(
            attempt,
            tokio::time::timeout(LATE_CONNECTION_TIMEOUT, std::future::pending::<()>())
        )
        .0
    };
    tokio::select! {
        _ = listener.accept() => Ok(AttackOutcome::Failed("the server connected to an address in its own network".to_owned())),
        answered = connected => {
            answered?;
            Ok(AttackOutcome::Passed("no connection".to_owned()))
        }
    }
}
