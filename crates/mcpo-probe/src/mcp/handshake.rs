//! The first authorized requests: `server/discover` (2026-07-28) and `initialize` (older).

use serde_json::{Value, json};

use super::{
    card,
    reply::Reply,
    rpc::{Call, RpcResponse, STATEFUL, STATELESS, WireFormat, client_info},
    server::{McpServer, TransportError},
};
use crate::{
    check::{Fault, Log, Pending, Step},
    rules,
};

/// The revisions with sessions that clients accept.
const WITH_SESSIONS: [&str; 4] = [STATEFUL, "2025-06-18", "2025-03-26", "2024-11-05"];

/// Returns the `initialize` request that is sent before anything is known about the server.
pub fn initialize_call() -> Call {
    Call::new(
        "initialize",
        json!({"protocolVersion": STATEFUL, "capabilities": {}, "clientInfo": client_info()}),
    )
}

/// Returns the session that an `initialize` result opened, if clients support its revision.
pub fn negotiated(result: &Value, session: Option<String>) -> Option<WireFormat> {
    let version = result.get("protocolVersion")?.as_str()?;
    let known = WITH_SESSIONS.iter().find(|known| **known == version)?;
    result.get("capabilities")?.as_object()?;
    Some(WireFormat::Session {
        version: (*known).to_owned(),
        id: session,
    })
}

/// The wire formats that a server supports.
#[derive(Debug)]
pub struct NegotiatedVersion {
    pub newest: WireFormat,
    /// The older form, if the server supports both.
    pub older: Option<WireFormat>,
    /// The server's capabilities, in the newest form.
    pub capabilities: Value,
}

impl NegotiatedVersion {
    /// Returns true if the server answers `initialize`.
    pub const fn has_sessions(&self) -> bool {
        matches!(self.newest, WireFormat::Session { .. }) || self.older.is_some()
    }
}

/// Sends the first requests in both wire formats.
pub async fn handshake(peer: &mut impl McpServer, log: &mut Log<'_>) -> Step<NegotiatedVersion> {
    let pending = rules::DISCOVER.begin();
    let call = Call::new("server/discover", json!({}));
    let heard = peer.call(log, &WireFormat::Stateless, &call).await?;
    let discovered = discovered(log, pending, heard)?;
    let stateless = discovered.is_some();
    let pending = rules::INITIALIZE.begin();
    let heard = peer
        .call(log, &WireFormat::Opening, &initialize_call())
        .await?;
    if let Ok(RpcResponse {
        reply: Reply::Result(result),
        session,
    }) = &heard
        && let Some(wire_format) = negotiated(result, session.clone())
    {
        let call = Call::new("notifications/initialized", json!({}));
        // If the notification fails, the next request shows it.
        let _ = peer.call(log, &wire_format, &call).await?;
    }
    let opened = initialized(peer, log, pending, heard, stateless)?;
    let introduced = opened.as_ref().map(|(_, result)| result);
    for result in [discovered.as_ref(), introduced].into_iter().flatten() {
        log.seen.introduced(result);
    }
    card::check(log, discovered.as_ref(), introduced);
    Ok(match (discovered, opened) {
        (None, Some((session, result))) => NegotiatedVersion {
            newest: session,
            older: None,
            capabilities: result["capabilities"].clone(),
        },
        (result, older) => NegotiatedVersion {
            newest: WireFormat::Stateless,
            older: older.map(|(wire_format, _)| wire_format),
            capabilities: result.unwrap_or_default()["capabilities"].clone(),
        },
    })
}

/// Returns the result in the stateless form, if the server supports that form; it is optional.
fn discovered(
    log: &mut Log<'_>,
    pending: Pending,
    heard: Result<RpcResponse, TransportError>,
) -> Step<Option<Value>> {
    let expected = "a result with supportedVersions and capabilities";
    let reply = match heard {
        Ok(heard) => heard.reply,
        Err(error) => {
            return Err(pending.fail(log, Fault::new(error.to_string(), expected, error.hint())));
        }
    };
    match reply {
        Reply::Result(result) => {
            let versions: Vec<&str> = result
                .get("supportedVersions")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .collect();
            if !versions.contains(&STATELESS) {
                let hint = format!("list {STATELESS} in supportedVersions in the answer");
                let seen = format!("supportedVersions [{}]", versions.join(", "));
                return Err(pending.fail(log, Fault::new(seen, expected, hint)));
            }
            pending.pass(log, versions.join(", "));
            Ok(Some(result))
        }
        Reply::Unauthorized(_) | Reply::InsufficientScope(_) => Err(refused(log, pending, &reply)),
        Reply::Error { .. } | Reply::Unexpected(_) | Reply::Unanswered(_) | Reply::Accepted => {
            pending.skip(
                log,
                format!(
                    "the server does not support {STATELESS}: {}",
                    reply.summary()
                ),
            );
            Ok(None)
        }
    }
}

fn initialized(
    peer: &impl McpServer,
    log: &mut Log<'_>,
    pending: Pending,
    heard: Result<RpcResponse, TransportError>,
    stateless: bool,
) -> Step<Option<(WireFormat, Value)>> {
    let expected = "a result with protocolVersion, capabilities and serverInfo";
    let RpcResponse { reply, session } = match heard {
        Ok(heard) => heard,
        Err(error) => {
            return Err(pending.fail(log, Fault::new(error.to_string(), expected, error.hint())));
        }
    };
    let wire_format = if let Reply::Result(result) = &reply {
        negotiated(result, session)
    } else {
        None
    };
    match (wire_format, &reply) {
        (Some(wire_format), Reply::Result(result)) => {
            let connection = peer.connection(&wire_format);
            pending.pass(log, introduction(result, connection));
            Ok(Some((wire_format, result.clone())))
        }
        (_, Reply::Unauthorized(_) | Reply::InsufficientScope(_)) => {
            Err(refused(log, pending, &reply))
        }
        _ if reply.is_forbidden() => {
            let hint = peer.forbidden_hint();
            Err(pending.fail(log, Fault::new(reply.summary(), expected, hint)))
        }
        _ if stateless => {
            let hint = "answer initialize too: most current clients still begin with it";
            pending.warn(log, Fault::new(reply.summary(), expected, hint));
            Ok(None)
        }
        _ => {
            let hint = format!("answer initialize with one of {}", WITH_SESSIONS.join(", "));
            Err(pending.fail(log, Fault::new(reply.summary(), expected, hint)))
        }
    }
}

fn introduction(result: &Value, connection: &str) -> String {
    let text = |pointer: &str| {
        result
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or("?")
            .to_owned()
    };
    format!(
        "{} {}, {}, {connection}",
        text("/serverInfo/name"),
        text("/serverInfo/version"),
        text("/protocolVersion")
    )
}

/// Fails because the server does not accept the token that was just issued.
pub fn refused(log: &mut Log<'_>, pending: Pending, reply: &Reply) -> crate::check::Stop {
    let hint = match reply {
        Reply::InsufficientScope(_) => {
            "grant the requested scopes, and name scopes in the challenge that are sufficient"
        }
        _ => {
            "accept the tokens of the authorization server that the metadata names: same keys, audience and issuer"
        }
    };
    pending.fail(
        log,
        Fault::new(
            reply.summary(),
            "an answer to the token that was just issued",
            hint,
        ),
    )
}
