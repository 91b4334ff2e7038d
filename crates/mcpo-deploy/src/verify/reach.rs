//! Checks that the service is reachable at its address.

use std::time::{Duration, Instant};

use mcpo_common::error::{Exit, Failure, Outcome};
use url::Url;

use super::{Address, Way, private};
use crate::context::Context;

/// How long to wait while there is no response; a new address takes a moment to become reachable.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(60);
/// How long to wait while the response is not the server's own.
const ANSWERED_PATIENCE: Duration = Duration::from_secs(20);

/// Waits until the service answers at its address. Returns the reason if Google's front end refuses
/// mcpo's identity.
pub async fn reach(context: &Context<'_>, way: &Way, address: &Address) -> Outcome<Option<String>> {
    let base = &address.base;
    let host = host_of(base);
    let url = metadata_url(base);
    let header = way.token().map(private::header).transpose()?;
    let progress = context.ui.spinner(format!("waiting for {base}"));
    let began = Instant::now();
    let mut pause = Duration::from_millis(50);
    let reached = loop {
        let reply = context
            .google
            .http()
            .send_once(&host, |client| {
                let request = client.get(&url);
                match &header {
                    Some((name, value)) => request.header(name, value),
                    None => request,
                }
            })
            .await;
        let patience = if reply.is_ok() {
            ANSWERED_PATIENCE
        } else {
            RESPONSE_TIMEOUT
        };
        let why = match reply {
            Ok(reply) if reply.status.is_success() => break Ok(None),
            Ok(reply) if reply.status.as_u16() == 403 && header.is_some() => {
                break Ok(Some(private::not_let_in(context)));
            }
            Ok(reply) => format!("{url} answers HTTP {}", reply.status.as_u16()),
            Err(error) => error.to_string(),
        };
        if began.elapsed() > patience {
            break Err(why);
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_secs(2));
    };
    progress.finish_and_clear();
    reached.map_err(|why| {
        Failure::new(format!("{base} does not answer as expected"))
            .because(&std::io::Error::other(why))
            .hint(address.advice(&format!("for details: mcpo probe {base}/mcp")))
            .exit_with(Exit::CheckFailed)
    })
}

/// Returns the URL of the metadata document, which a public service shows without authentication
/// and a private one does not.
pub fn metadata_url(base: &str) -> String {
    format!("{base}/.well-known/oauth-protected-resource/mcp")
}

pub fn host_of(url: &str) -> String {
    Url::parse(url)
        .ok()
        .and_then(|url| url.host_str().map(str::to_owned))
        .unwrap_or_default()
}
