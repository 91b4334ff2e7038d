//! The address of the server.

use mcpo_common::error::{Failure, Outcome};
use url::Url;

/// Parses the address as clients use it: with a scheme, without a fragment or user info.
pub fn parse_target(text: &str) -> Outcome<Url> {
    let failure = || Failure::new(format!("failed to read {text:?} as an address"));
    let hint = "type the whole address, for example: mcpo probe https://example.com/mcp";
    let url = Url::parse(text).map_err(|error| failure().because(&error).hint(hint))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(failure().hint(hint));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(failure().hint("leave out the user name: MCP clients send a bearer token"));
    }
    if url.fragment().is_some() {
        return Err(failure().hint("leave out the part after #: it is never sent (RFC 8707 §2)"));
    }
    Ok(url)
}
