//! Clients that are older or newer than the server.

use serde_json::json;

use super::{
    greeting::{Spoken, negotiated},
    peer::Peer,
    reply::Reply,
    rpc::{self, Call, Heard, Wire, client_info},
};
use crate::walk::{
    check::{Fault, Log},
    http::Trouble,
    rules,
};

/// A revision that clients of last year still ask for, and one that nobody speaks yet.
const ASKED: [&str; 2] = ["2025-03-26", "2099-12-31"];

/// Asks for an old and for a future revision; a server answers either with one that it speaks.
pub async fn negotiate(peer: &mut Peer<'_>, log: &mut Log<'_>, spoken: &Spoken) {
    let pending = rules::VERSIONS.begin();
    if !spoken.has_sessions() {
        pending.skip(log, "the server does not answer initialize");
        return;
    }
    let mut agreed = Vec::new();
    for asked in ASKED {
        match settle(peer, asked).await {
            Ok(Ok(version)) => agreed.push(format!("{asked} → {version}")),
            Ok(Err(seen)) => {
                let expected = "initialize answered with a protocolVersion that the server speaks";
                let hint = "answer an unknown protocolVersion with your newest one; the client decides whether it can do with that";
                let fault = Fault::new(format!("{asked}: {seen}"), expected, hint);
                return pending.warn(log, fault);
            }
            Err(trouble) => {
                let seen = format!("{asked}: {trouble}");
                return pending.warn(log, Fault::new(seen, "an answer", trouble.hint()));
            }
        }
    }
    pending.pass(log, agreed.join(", "));
}

/// The revision that was agreed on, or what came instead.
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
