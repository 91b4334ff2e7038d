//! Paginated lists.

use std::time::Instant;

use serde_json::{Value, json};

use super::{
    handshake::refused,
    reply::Reply,
    rpc::{Call, WireFormat},
    server::McpServer,
};
use crate::check::{Fault, Log, Pending, Step};

/// The most pages that are fetched: more than any server needs.
pub const PAGES: usize = 50;

/// Returns everything that `method` lists under `key`.
pub async fn pages(
    peer: &mut impl McpServer,
    log: &mut Log<'_>,
    mut pending: Pending,
    wire_format: &WireFormat,
    (method, key): (&'static str, &str),
) -> Step<(Pending, Vec<Value>)> {
    let mut all: Vec<Value> = Vec::new();
    let mut cursor: Option<String> = None;
    let mut first_page = None;
    for _ in 0..PAGES {
        let params = cursor
            .as_ref()
            .map_or_else(|| json!({}), |cursor| json!({"cursor": cursor}));
        let call = Call::new(method, params);
        let expected = format!("a list of {key}");
        let mut page;
        (pending, page) = request(peer, log, pending, wire_format, &call, &expected).await?;
        let Some(Value::Array(found)) = page.get_mut(key).map(Value::take) else {
            let hint = format!("answer {method} with an array of {key}");
            let expected = format!("a {key} array");
            return Err(pending.fail(log, Fault::new(page.to_string(), expected, hint)));
        };
        all.extend(found);
        let next = page.get("nextCursor").and_then(Value::as_str);
        let Some(next) = next.map(str::to_owned) else {
            return Ok((pending, all));
        };
        let since = *first_page.get_or_insert_with(Instant::now);
        if cursor.as_ref() == Some(&next) || since.elapsed() > peer.timeout() {
            break;
        }
        cursor = Some(next);
    }
    let hint = "omit nextCursor on the last page";
    Err(pending.fail(log, Fault::new("endless pages", "a last page", hint)))
}

/// Sends `call` and returns its result; any other response ends the probe.
pub async fn request(
    peer: &mut impl McpServer,
    log: &mut Log<'_>,
    pending: Pending,
    wire_format: &WireFormat,
    call: &Call,
    expected: &str,
) -> Step<(Pending, Value)> {
    match peer
        .call(log, wire_format, call)
        .await?
        .map(|heard| heard.reply)
    {
        Ok(Reply::Result(result)) => Ok((pending, result)),
        Ok(reply @ (Reply::Unauthorized(_) | Reply::InsufficientScope(_))) => {
            Err(refused(log, pending, &reply))
        }
        Ok(reply) => {
            let hint = "see the server's log";
            Err(pending.fail(log, Fault::new(reply.summary(), expected, hint)))
        }
        Err(error) => Err(pending.fail(log, Fault::new(error.to_string(), expected, error.hint()))),
    }
}
