//! Finds the MCP endpoint of a server that does not answer as one at the given address.

use std::time::Duration;

use reqwest::{Method, header::CONTENT_TYPE};
use url::Url;

use super::{
    handshake::initialize_call,
    reply::Reply,
    rpc::{self, WireFormat},
};
use crate::http::HttpClient;

/// The paths that servers usually have.
const USUAL: [&str; 4] = ["/mcp", "/mcp/", "/sse", "/sse/"];
/// Time limit for one request.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(2);
/// Time limit for all requests.
const SEARCH_TIMEOUT: Duration = Duration::from_secs(5);

/// What answers on the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// An endpoint for POST, as in every revision since 2025-03-26.
    StreamableHttp(Url),
    /// A stream of events for GET, as in 2024-11-05.
    Events(Url),
}

/// Tries the usual addresses on the origin of `target`, first the one that a redirect named.
pub async fn search(http: &HttpClient, target: &Url, named: Option<&Url>) -> Option<Endpoint> {
    let http = http.with_timeout(http.timeout().min(REQUEST_TIMEOUT));
    let found = async {
        for address in candidates(target, named) {
            if answers(&http, &address).await {
                return Some(Endpoint::StreamableHttp(address));
            }
        }
        for address in [target.clone(), with_path(target, "/sse")] {
            if streams(&http, &address).await {
                return Some(Endpoint::Events(address));
            }
        }
        None
    };
    tokio::time::timeout(SEARCH_TIMEOUT, found)
        .await
        .unwrap_or_default()
}

/// Returns the addresses to try, without `target` itself and without duplicates.
fn candidates(target: &Url, named: Option<&Url>) -> Vec<Url> {
    let named = named.filter(|named| named.origin() == target.origin());
    let mut all: Vec<Url> = named.cloned().into_iter().collect();
    let path = target.path();
    let bare = path.trim_end_matches('/');
    if !bare.is_empty() {
        let other = if path.ends_with('/') {
            bare.to_owned()
        } else {
            format!("{path}/")
        };
        all.push(with_path(target, &other));
        if !USUAL.contains(&path) {
            all.push(with_path(target, &format!("{bare}/mcp")));
        }
    }
    all.extend(USUAL.map(|path| with_path(target, path)));
    let mut tried = vec![target.clone()];
    all.retain(|url| {
        let is_new = !tried.contains(url);
        tried.push(url.clone());
        is_new
    });
    all
}

fn with_path(target: &Url, path: &str) -> Url {
    let mut url = target.clone();
    url.set_path(path);
    url.set_query(None);
    url
}

/// Returns true if an MCP server answers: with a result or an error of JSON-RPC, or with a challenge.
async fn answers(http: &HttpClient, address: &Url) -> bool {
    let heard = rpc::call(
        http,
        address,
        &WireFormat::Opening,
        None,
        &initialize_call(),
    )
    .await;
    match heard.map(|heard| heard.reply) {
        Ok(Reply::Result(result)) => result.get("protocolVersion").is_some(),
        Ok(Reply::Unauthorized(unauthorized)) => unauthorized.challenge.is_some(),
        Ok(Reply::Error { .. }) => true,
        _ => false,
    }
}

async fn streams(http: &HttpClient, address: &Url) -> bool {
    let Ok(request) = http.mcp_request(Method::GET, address) else {
        return false;
    };
    let request = request.header("accept", "text/event-stream");
    let answer = http.send_for_head(request).await;
    answer.is_ok_and(|answer| {
        let kind = answer.header(CONTENT_TYPE).unwrap_or_default();
        answer.status.is_success() && kind.starts_with("text/event-stream")
    })
}

#[cfg(test)]
mod tests {
    use url::Url;

    use super::candidates;

    fn tried(target: &str, named: Option<&str>) -> Vec<String> {
        let target = Url::parse(target).unwrap();
        let named = named.map(|named| Url::parse(named).unwrap());
        let all = candidates(&target, named.as_ref());
        all.iter()
            .map(|url| url[url::Position::BeforePath..].to_owned())
            .collect()
    }

    #[test]
    fn usual_paths_are_tried_with_and_without_a_slash() {
        let all = ["/mcp", "/mcp/", "/sse", "/sse/"];
        assert_eq!(tried("https://example.com/", None), all);
        assert_eq!(
            tried("https://example.com/mcp?a=1", None)[..2],
            ["/mcp/", "/mcp"]
        );
        assert_eq!(
            tried("https://example.com/api/", None)[..3],
            ["/api", "/api/mcp", "/mcp"]
        );
    }

    #[test]
    fn redirects_are_followed_only_on_the_same_origin() {
        let of = |named| tried("https://example.com/mcp", Some(named));
        assert_eq!(of("https://example.com/v1/mcp")[0], "/v1/mcp");
        let elsewhere = tried("https://example.com/mcp", None);
        for named in [
            "http://example.com/x",
            "https://example.com:8443/x",
            "https://evil.example/x",
        ] {
            assert_eq!(of(named), elsewhere, "{named}");
        }
    }
}
