//! `--cold`: measures how long the first response takes after the server had time to go idle.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::{
    check::{Fault, Log},
    http::RequestError,
    mcp::{self, Call, McpClient, WireFormat},
    plan::Plan,
    rules,
};

/// Longer than any client waits, so that a late response is still measured.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(60);

/// Sends nothing for `idle`, then sends a request on a new connection, like a client that was away.
pub async fn check(
    plan: &Plan,
    peer: &McpClient<'_>,
    log: &mut Log<'_>,
    wire_format: &WireFormat,
    idle: Duration,
) {
    let warm = match answer(peer, wire_format).await {
        Ok(time) => time,
        Err(error) => return unanswered(log, &error),
    };
    let pause = format!(
        "sending no request for {}, so that the server can sleep",
        negotiated_version(idle)
    );
    log.recorder().announce(&pause);
    tokio::time::sleep(idle).await;
    // The pause is not part of the response time.
    let pending = rules::COLD.begin();
    let cold = match answer(peer, wire_format).await {
        Ok(time) => time,
        Err(error) => return unanswered(log, &error),
    };
    let seen = format!(
        "{:.2} s after {} without a request; {:.2} s before that",
        cold.as_secs_f64(),
        negotiated_version(idle),
        warm.as_secs_f64()
    );
    let limit = plan.timeout;
    let expected = format!("an answer within {:.1} s", limit.as_secs_f64());
    let hint = "keep an instance running (Cloud Run: --min-instances 1), or start faster: use a smaller image, do less before the socket is open, use CPU boost";
    if cold > limit {
        let _ = pending.fail(log, Fault::new(seen, expected, hint));
    } else if cold > limit / 2 {
        pending.warn(log, Fault::new(seen, expected, hint));
    } else {
        pending.pass(log, seen);
    }
}

/// Measures the response time of the MCP endpoint on a new connection.
async fn answer(peer: &McpClient<'_>, wire_format: &WireFormat) -> Result<Duration, RequestError> {
    let client = peer.http.without_state().with_timeout(RESPONSE_TIMEOUT);
    let list = Call::new("tools/list", json!({}));
    let token = peer.grant.as_ref().map(|grant| &grant.access);
    let since = Instant::now();
    mcp::call(&client, peer.target, wire_format, token, &list).await?;
    Ok(since.elapsed())
}

fn unanswered(log: &mut Log<'_>, error: &RequestError) {
    let fault = Fault::new(error.to_string(), "an answer", error.hint());
    let _ = rules::COLD.begin().fail(log, fault);
}

fn negotiated_version(time: Duration) -> String {
    match time.as_secs() {
        seconds @ 0..120 => format!("{seconds} s"),
        seconds => format!("{} min", seconds / 60),
    }
}
