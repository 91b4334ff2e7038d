//! Checks whether a client that runs in a browser may read the server's responses (CORS).

use reqwest::{Method, header::HeaderMap};
use serde_json::json;
use url::Url;

use crate::{
    check::{Fault, Log},
    http::{HttpClient, RequestError},
    oauth::AuthorizationServer,
    rules,
};

/// Request headers of the client beyond those that CORS always allows.
const SENT: &str = "authorization, content-type, mcp-protocol-version";

/// Checks every endpoint that the client's scripts call, as its browser would.
pub async fn check(
    http: &HttpClient,
    log: &mut Log<'_>,
    target: &Url,
    origin: &str,
    server: &AuthorizationServer,
) {
    let pending = rules::BROWSER_ACCESS.begin();
    let mut endpoints = vec![(target, SENT), (&server.token, "content-type")];
    endpoints.extend(
        server
            .registration
            .as_ref()
            .map(|url| (url, "content-type")),
    );
    let mut wrong = Vec::new();
    for (url, headers) in &endpoints {
        match preflight(http, url, origin, headers).await {
            Ok(None) => {}
            Ok(Some(missing)) => wrong.push(format!("OPTIONS {url}: {missing}")),
            Err(error) => wrong.push(format!("OPTIONS {url}: {error}")),
        }
    }
    match challenge(http, target, origin).await {
        Ok(None) => {}
        Ok(Some(missing)) => wrong.push(format!("POST {target}: {missing}")),
        Err(error) => wrong.push(format!("POST {target}: {error}")),
    }
    if wrong.is_empty() {
        pending.pass(
            log,
            format!("scripts from {origin} may call the server and read its answers"),
        );
        return;
    }
    let expected = format!("answers that scripts from {origin} may read");
    let hint = "answer OPTIONS and add Access-Control-Allow-Origin everywhere, and Access-Control-Expose-Headers: WWW-Authenticate, Mcp-Session-Id on the MCP endpoint";
    // The probe continues, because it is not a browser.
    let _ = pending.fail(log, Fault::new(wrong.join("; "), expected, hint));
}

/// Sends the preflight request of a browser and returns what its response lacks, if anything.
async fn preflight(
    http: &HttpClient,
    url: &Url,
    origin: &str,
    headers: &str,
) -> Result<Option<String>, RequestError> {
    let request = http
        .request(Method::OPTIONS, url)?
        .header("origin", origin)
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", headers);
    let answer = http.send(request).await?;
    if !answer.status.is_success() {
        return Ok(Some(format!("HTTP {}", answer.status.as_u16())));
    }
    if let Some(missing) = unreadable(&answer.headers, origin) {
        return Ok(Some(missing));
    }
    let allowed = list(&answer.headers, "access-control-allow-headers");
    // `*` covers every header except `Authorization`.
    let allows = |name: &str| {
        let star = name != "authorization" && allowed.iter().any(|allowed| allowed == "*");
        star || allowed.iter().any(|allowed| allowed == name)
    };
    let missing = headers.split(", ").find(|name| !allows(name));
    Ok(missing.map(|name| format!("{name} is not in Access-Control-Allow-Headers")))
}

/// Sends a client's first request. A client that cannot read the challenge cannot find the sign-in.
async fn challenge(
    http: &HttpClient,
    target: &Url,
    origin: &str,
) -> Result<Option<String>, RequestError> {
    let request = http
        .request(Method::POST, target)?
        .header("origin", origin)
        .header("accept", "application/json, text/event-stream")
        .json(&json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}));
    let answer = http.send(request).await?;
    if let Some(missing) = unreadable(&answer.headers, origin) {
        return Ok(Some(missing));
    }
    let exposed = list(&answer.headers, "access-control-expose-headers");
    let readable = exposed
        .iter()
        .any(|name| name == "www-authenticate" || name == "*");
    let missing = "WWW-Authenticate is not in Access-Control-Expose-Headers";
    Ok((!readable).then(|| missing.to_owned()))
}

fn unreadable(headers: &HeaderMap, origin: &str) -> Option<String> {
    match headers
        .get("access-control-allow-origin")
        .map(|value| value.to_str())
    {
        Some(Ok(allowed)) if allowed == "*" || allowed == origin => None,
        Some(Ok(allowed)) => Some(format!("Access-Control-Allow-Origin: {allowed}")),
        _ => Some("no Access-Control-Allow-Origin".to_owned()),
    }
}

fn list(headers: &HeaderMap, name: &str) -> Vec<String> {
    let values = headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok());
    let names = values.flat_map(|value| value.split(','));
    names.map(|name| name.trim().to_lowercase()).collect()
}
