//! Version negotiation with clients that are older or newer than the server.

use serde_json::json;

use super::{
    handshake::{NegotiatedVersion, negotiated},
    reply::Reply,
    rpc::{COMING, Call, RpcResponse, STATELESS, WireFormat, client_info},
    server::{McpServer, TransportError},
};
use crate::{
    check::{Fault, Log},
    rules,
};

/// A revision that older clients still request, and one that does not exist yet.
const ASKED: [&str; 2] = ["2025-03-26", COMING];
/// `UnsupportedProtocolVersionError`.
const UNSUPPORTED: i64 = -32022;

/// Requests an old and a future revision. The server must answer `initialize` with a revision that
/// it supports. Without sessions, it must answer with an error that names all of them.
pub async fn negotiate(
    peer: &mut impl McpServer,
    log: &mut Log<'_>,
    negotiated_version: &NegotiatedVersion,
) {
    let pending = rules::VERSIONS.begin();
    let mut agreed = Vec::new();
    let asked = if negotiated_version.has_sessions() {
        &ASKED[..]
    } else {
        &[]
    };
    for asked in asked {
        match settle(peer, asked).await {
            Ok(Ok(version)) => agreed.push(format!("{asked} → {version}")),
            Ok(Err(seen)) => {
                let expected =
                    "initialize answered with a protocolVersion that the server supports";
                let hint = "answer an unknown protocolVersion with the newest one you support; the client decides whether to continue";
                let fault = Fault::new(format!("{asked}: {seen}"), expected, hint);
                return pending.warn(log, fault);
            }
            Err(error) => {
                let seen = format!("{asked}: {error}");
                return pending.warn(log, Fault::new(seen, "an answer", error.hint()));
            }
        }
    }
    if negotiated_version.newest == WireFormat::Stateless {
        match refused(peer).await {
            Ok(Ok(told)) => agreed.push(told),
            Ok(Err(seen)) => {
                let expected = format!(
                    "error {UNSUPPORTED} whose data.supported names the supported revisions"
                );
                let hint = "refuse an unknown protocolVersion, and name the ones you support: newer clients continue with one of them";
                let fault = Fault::new(format!("{COMING}, stateless: {seen}"), expected, hint);
                return pending.warn(log, fault);
            }
            Err(error) => {
                let seen = format!("{COMING}, stateless: {error}");
                return pending.warn(log, Fault::new(seen, "an answer", error.hint()));
            }
        }
    }
    pending.pass(log, agreed.join(", "));
}

/// Requests a future revision in the stateless form, which the server must refuse.
async fn refused(peer: &mut impl McpServer) -> Result<Result<String, String>, TransportError> {
    let call = Call::new("server/discover", json!({}));
    let heard = peer.call_first(&WireFormat::Coming, &call).await?;
    let Reply::Error { code, data, .. } = &heard.reply else {
        return Ok(Err(heard.reply.summary()));
    };
    let supported = data.get("supported").and_then(serde_json::Value::as_array);
    let named = supported.is_some_and(|all| all.iter().any(|one| *one == STATELESS));
    Ok(if *code == UNSUPPORTED && named {
        Ok(format!(
            "stateless {COMING} refused with the supported versions"
        ))
    } else {
        Err(heard.reply.summary())
    })
}

/// Returns the agreed revision, or what came instead.
async fn settle(
    peer: &mut impl McpServer,
    asked: &str,
) -> Result<Result<String, String>, TransportError> {
    let params = json!({"protocolVersion": asked, "capabilities": {}, "clientInfo": client_info()});
    let call = Call::new("initialize", params);
    let RpcResponse { reply, session } = peer.call_first(&WireFormat::Opening, &call).await?;
    let Reply::Result(result) = &reply else {
        return Ok(Err(reply.summary()));
    };
    let Some(wire_format) = negotiated(result, session) else {
        return Ok(Err(format!(
            "protocolVersion {}",
            result["protocolVersion"]
        )));
    };
    peer.leave(&wire_format).await;
    Ok(Ok(wire_format.version().to_owned()))
}
