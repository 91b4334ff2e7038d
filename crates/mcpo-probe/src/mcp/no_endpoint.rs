//! Explains the response of an address where no MCP server answers.

use std::time::Duration;

use reqwest::StatusCode;
use url::Url;

use super::{
    endpoint_search::{Endpoint, REQUEST_TIMEOUT, search},
    reply::{Reply, Unexpected},
};
use crate::{
    check::{Fault, Log, Suggestion},
    http::{HttpClient, RequestError},
};

/// What a client needs from the first request.
pub const EXPECTED: &str = "401 with a WWW-Authenticate header, or an answer to initialize";

/// Returns the fault of `reply`, which took `elapsed`, and looks for an address where an MCP server
/// answers.
pub async fn explain(
    http: &HttpClient,
    log: &mut Log<'_>,
    target: &Url,
    reply: &Reply,
    elapsed: Duration,
) -> Fault {
    let Reply::Unexpected(other) = reply else {
        let hint = "answer initialize with a protocol version that clients support";
        return Fault::new(reply.summary(), EXPECTED, hint);
    };
    if reply.is_forbidden() || other.status == StatusCode::TOO_MANY_REQUESTS {
        // More requests would be refused too, and may extend the block.
        return Fault::new(&other.seen, EXPECTED, refused(http, other));
    }
    // The verdict is about the response of the target.
    let recorder = log.recorder();
    let recent = recorder.traits.take_recent();
    // The search of a slow server would take many times as long.
    let is_searched = elapsed < REQUEST_TIMEOUT;
    let found = if is_searched {
        search(http, target, other.location.as_ref()).await
    } else {
        None
    };
    if found.is_some() {
        // The address is wrong, so what a gateway says about its path is no cause.
        recorder.traits.take_recent();
    } else {
        recorder.traits.restore_recent(recent);
    }
    let hint = match found {
        Some(Endpoint::StreamableHttp(url)) => {
            let hint = format!("use {url}: an MCP server answers there; {}", meaning(other));
            log.suggest(Suggestion::Address(url));
            hint
        }
        Some(Endpoint::Events(url)) => format!(
            "the server speaks the HTTP+SSE transport of 2024-11-05 at {url}; serve Streamable HTTP, \
             which replaced it"
        ),
        None if !is_searched => meaning(other),
        None => format!(
            "{}; no MCP server answers at the usual paths of this host either",
            meaning(other)
        ),
    };
    Fault::new(&other.seen, EXPECTED, hint)
}

/// Returns the fault of a server that answers `initialize`, but not the `tools/list` after it.
pub fn after_initialize(http: &HttpClient, reply: &Reply) -> Fault {
    let status = match reply {
        Reply::Unexpected(other) => Some(other),
        _ => None,
    };
    let hint = match status {
        Some(other) if matches!(other.status.as_u16(), 403 | 429) => refused(http, other),
        // MCP 2025-11-25 basic/transports, Session Management: 404 means that the session has ended.
        Some(other) if other.status == StatusCode::NOT_FOUND => {
            "keep the session that initialize opened: share sessions between instances, or serve \
             without them"
                .to_owned()
        }
        _ => "answer tools/list like initialize; the log of the server has the cause".to_owned(),
    };
    let seen = format!("initialize is open; tools/list: {}", reply.summary());
    Fault::new(
        seen,
        "an answer to tools/list, or 401 with a challenge",
        hint,
    )
}

fn refused(http: &HttpClient, other: &Unexpected) -> String {
    if other.status == StatusCode::TOO_MANY_REQUESTS {
        "wait before you probe again, or raise the limit: the server counts the requests of this \
         address"
            .to_owned()
    } else {
        format!(
            "if a firewall answers, allow requests {}",
            http.mcp_user_agent()
        )
    }
}

/// Returns what the response means and what to do about it.
fn meaning(other: &Unexpected) -> String {
    if let Some(location) = &other.location {
        return format!("clients do not follow a redirect of the MCP endpoint, here to {location}");
    }
    let meaning = match other.status.as_u16() {
        404 | 410 => "nothing is served at this path: check the address",
        405 => "the path exists, but not for POST: check the address, or accept POST there",
        502..=504 => {
            "a gateway answers, but the server behind it does not: check that the server runs"
        }
        500..=599 => "the server failed: its log has the cause",
        _ if other.is_page => {
            "a web page is served here: check the address, or route POST to the MCP server"
        }
        400..=499 => "the server refused the first request of every client: check the address",
        _ => "answer a POST with JSON-RPC as application/json or text/event-stream",
    };
    meaning.to_owned()
}

/// Returns the same address with the other scheme if the server answers there. Only for servers on
/// this machine, which may use either scheme.
pub async fn other_scheme(http: &HttpClient, target: &Url, error: &RequestError) -> Option<Url> {
    let mut other = target.clone();
    match (target.scheme(), error) {
        ("https", RequestError::NotTls) => {
            // Both schemes are special, so this cannot fail.
            other.set_scheme("http").ok()?;
            crate::http::is_loopback(&other).then_some(other)
        }
        ("http", RequestError::Other(_)) => {
            other.set_scheme("https").ok()?;
            let http = http.with_timeout(http.timeout().min(REQUEST_TIMEOUT));
            let request = http.request(reqwest::Method::GET, &other).ok()?;
            match http.send_for_head(request).await {
                Ok(_) | Err(RequestError::Tls(_) | RequestError::IncompleteChain(_)) => Some(other),
                Err(_) => None,
            }
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use reqwest::StatusCode;

    use super::{Unexpected, meaning};

    #[test]
    fn each_status_has_its_own_words() {
        let of = |status: u16, is_page| {
            meaning(&Unexpected {
                seen: String::new(),
                status: StatusCode::from_u16(status).unwrap(),
                location: None,
                is_page,
            })
        };
        let all = [
            of(404, false),
            of(405, false),
            of(500, false),
            of(502, true),
            of(200, true),
            of(400, false),
            of(200, false),
        ];
        for (index, one) in all.iter().enumerate() {
            assert!(!all[..index].contains(one), "{one}");
        }
        assert_eq!(of(404, true), of(410, false));
    }
}
