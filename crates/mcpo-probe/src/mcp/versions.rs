//! Version negotiation with clients that are older or newer than the server.

use serde_json::json;

use super::{
    greeting::{Spoken, negotiated},
    peer::Peer,
    reply::Reply,
    rpc::{self, COMING, Call, Heard, STATELESS, Wire, client_info},
};
use crate::{
    check::{Fault, Log},
    http::Trouble,
    rules,
};

/// A revision that older clients still request, and one that does not exist yet.
const ASKED: [&str; 2] = ["2025-03-26", COMING];
/// `UnsupportedProtocolVersionError`.
const UNSUPPORTED: i64 = -32022;

/// Requests an old and a future revision. The server must answer `initialize` with a revision that
/// it supports. Without sessions, it must answer with an error that names all of them.
pub async fn negotiate(peer: &mut Peer<'_>, log: &mut Log<'_>, spoken: &Spoken) {
    let pending = rules::VERSIONS.begin();
    let mut agreed = Vec::new();
    let asked = if spoken.has_sessions() {
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
            Err(trouble) => {
                let seen = format!("{asked}: {trouble}");
                return pending.warn(log, Fault::new(seen, "an answer", trouble.hint()));
            }
        }
    }
    if spoken.newest == Wire::Stateless {
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
            Err(trouble) => {
                let seen = format!("{COMING}, stateless: {trouble}");
                return pending.warn(log, Fault::new(seen, "an answer", trouble.hint()));
            }
        }
    }
    pending.pass(log, agreed.join(", "));
}

/// Requests a future revision in the stateless form, which the server must refuse.
async fn refused(peer: &Peer<'_>) -> Result<Result<String, String>, Trouble> {
    let call = Call::new("server/discover", json!({}));
    let token = peer.grant.as_ref().map(|grant| &grant.access);
    let heard = rpc::call(peer.exchange, peer.target, &Wire::Coming, token, &call).await?;
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
async fn settle(peer: &Peer<'_>, asked: &str) -> Result<Result<String, String>, Trouble> {
    let params = json!({"protocolVersion": asked, "capabilities": {}, "clientInfo": client_info()});
    let call = Call::new("initialize", params);
    let token = peer.grant.as_ref().map(|grant| &grant.access);
    let Heard { reply, session } =
        rpc::call(peer.exchange, peer.target, &Wire::Opening, token, &call).await?;
    let Reply::Result(result) = &reply else {
        return Ok(Err(reply.summary()));
    };
    let Some(wire) = negotiated(result, session) else {
        return Ok(Err(format!(
            "protocolVersion {}",
            result["protocolVersion"]
        )));
    };
    peer.leave(&wire).await;
    Ok(Ok(wire.version().to_owned()))
}
