//! The last step: from outside, as a client sees it.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::context::Context;
use crate::error::{Exit, Failure, Outcome};

/// A new address may take a moment to lead to the service.
const PATIENCE: Duration = Duration::from_secs(60);

/// Whether the service answers under its public address, and says that this is its address.
pub async fn verify(context: &Context<'_>) -> Outcome<()> {
    let base = context.names.base_url(&context.settings);
    let progress = context.ui.spinner(format!("asking {base}"));
    let began = Instant::now();
    let checked = loop {
        match check(context, &base).await {
            Ok(()) => break Ok(()),
            Err(why) if began.elapsed() > PATIENCE => break Err(why),
            Err(_) => tokio::time::sleep(Duration::from_millis(500)).await,
        }
    };
    progress.finish_and_clear();
    checked.map_err(|why| {
        let cause = std::io::Error::other(why);
        Failure::new(format!("{base} does not answer as it should"))
            .because(&cause)
            .hint(format!("look closer: mcpo probe {base}/mcp"))
            .exit_with(Exit::CheckFailed)
    })
}

async fn check(context: &Context<'_>, base: &str) -> Result<(), String> {
    let http = context.google.http();
    let url = format!("{base}/.well-known/oauth-protected-resource/mcp");
    let host = url::Url::parse(base)
        .ok()
        .and_then(|url| url.host_str().map(str::to_owned))
        .unwrap_or_default();
    let reply = http
        .send(&host, |client| client.get(&url))
        .await
        .map_err(|error| error.to_string())?;
    if !reply.status.is_success() {
        return Err(format!("{url} answers HTTP {}", reply.status.as_u16()));
    }
    let metadata: Value =
        serde_json::from_slice(&reply.body).map_err(|_| format!("{url} is no JSON"))?;
    let resource = metadata["resource"].as_str().unwrap_or_default();
    if resource == format!("{base}/mcp") {
        Ok(())
    } else {
        Err(format!("it says that its address is {resource:?}"))
    }
}
