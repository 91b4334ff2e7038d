//! Distinguishes users who open an address in a browser from programs that call it.
//!
//! Programs get the responses that the specifications define. Only a request that a browser makes
//! when a user opens an address gets a page.

use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};

/// Headers that browsers do not send when a user opens an address, but MCP clients and scripts do.
const OF_PROGRAMS: [HeaderName; 6] = [
    header::AUTHORIZATION,
    header::ORIGIN,
    HeaderName::from_static("last-event-id"),
    HeaderName::from_static("mcp-method"),
    HeaderName::from_static("mcp-protocol-version"),
    HeaderName::from_static("mcp-session-id"),
];

/// Returns true if a user has opened the address of this request in a browser.
#[inline]
pub fn is_navigation(method: &Method, headers: &HeaderMap) -> bool {
    // Fetch Metadata: browsers send it to HTTPS and loopback addresses.
    let mode = || headers.get("sec-fetch-mode").map(HeaderValue::as_bytes);
    is_read(method)
        && accepts_page(headers)
        && !OF_PROGRAMS.iter().any(|name| headers.contains_key(name))
        && mode().is_none_or(|mode| mode == b"navigate")
}

/// Completes a response that a program gets where a browser would get a page, so that no cache
/// sends the one in place of the other.
pub fn for_program(method: &Method, response: impl IntoResponse) -> Response {
    let mut response = response.into_response();
    if is_read(method) {
        let headers = response.headers_mut();
        headers.append(header::VARY, HeaderValue::from_static("Accept"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    response
}

fn is_read(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

/// Returns true if `Accept` lists HTML and XHTML and no event stream. To open an address, all
/// browsers list both (Fetch Standard). A wildcard or only HTML is not enough: programs send it,
/// such as those with Java's `HttpURLConnection`.
fn accepts_page(headers: &HeaderMap) -> bool {
    const PAGE: [&str; 2] = ["text/html", "application/xhtml+xml"];
    let values = headers.get_all(header::ACCEPT).iter();
    let ranges: Vec<&str> = values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|range| Some(range.split(';').next()?.trim()))
        .collect();
    let lists = |wanted: &str| {
        ranges
            .iter()
            .any(|range| range.eq_ignore_ascii_case(wanted))
    };
    PAGE.into_iter().all(lists) && !lists("text/event-stream")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What Java's `HttpURLConnection` sends.
    const JAVA: &str = "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2";
    const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

    #[test]
    fn only_a_user_with_a_browser_gets_pages() {
        for (method, headers, expected) in [
            (Method::GET, &[("accept", BROWSER)][..], true),
            (
                Method::HEAD,
                &[("accept", "TEXT/HTML, Application/XHTML+XML")],
                true,
            ),
            (Method::GET, &[("accept", JAVA)], false),
            (Method::GET, &[("accept", "text/html")], false),
            (
                Method::GET,
                &[("accept", BROWSER), ("sec-fetch-mode", "navigate")],
                true,
            ),
            (Method::POST, &[("accept", BROWSER)], false),
            (Method::GET, &[], false),
            (Method::GET, &[("accept", "*/*")], false),
            (Method::GET, &[("accept", "application/json")], false),
            (
                Method::GET,
                &[("accept", "text/event-stream, text/html")],
                false,
            ),
            (
                Method::GET,
                &[("accept", BROWSER), ("sec-fetch-mode", "cors")],
                false,
            ),
            (
                Method::GET,
                &[("accept", BROWSER), ("authorization", "Bearer x")],
                false,
            ),
            (
                Method::GET,
                &[("accept", BROWSER), ("origin", "null")],
                false,
            ),
            (
                Method::GET,
                &[("accept", BROWSER), ("mcp-session-id", "x")],
                false,
            ),
        ] {
            let mut map = HeaderMap::new();
            for (name, value) in headers {
                map.append(*name, HeaderValue::from_static(value));
            }
            assert_eq!(
                is_navigation(&method, &map),
                expected,
                "{method} {headers:?}"
            );
        }
    }
}
