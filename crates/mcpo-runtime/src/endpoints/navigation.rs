//! Distinguishes users who open an address in a browser from programs that call it.
//!
//! Programs get the responses that the specifications define. Only a request that a browser makes
//! when a user opens an address gets a page.

use http::{HeaderMap, HeaderName, Method, header};

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
pub(crate) fn is_navigation(method: &Method, headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let is_mode = |mode| mode == "navigate";
    matches!(*method, Method::GET | Method::HEAD)
        && accepts_html(headers)
        && !OF_PROGRAMS.iter().any(|name| headers.contains_key(name))
        // Only browsers send this header (Fetch Metadata); older ones do not.
        && text("sec-fetch-mode").is_none_or(is_mode)
}

/// Returns true if `Accept` lists HTML and no event stream. A wildcard is not enough: most programs
/// send it.
fn accepts_html(headers: &HeaderMap) -> bool {
    let values = headers.get_all(header::ACCEPT).iter();
    let ranges = values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|range| range.split(';').next());
    let mut has_html = false;
    for range in ranges {
        let range = range.trim();
        if range.eq_ignore_ascii_case("text/event-stream") {
            return false;
        }
        has_html |= range.eq_ignore_ascii_case("text/html");
    }
    has_html
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

    #[test]
    fn only_a_user_with_a_browser_gets_pages() {
        for (method, headers, expected) in [
            (Method::GET, &[("accept", BROWSER)][..], true),
            (Method::HEAD, &[("accept", "TEXT/HTML")], true),
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
