//! The web addresses of specifications.

/// The specification that the probe is about.
pub const SPECIFICATION: &str =
    "https://modelcontextprotocol.io/specification/2026-07-28/basic/authorization";

/// The newest revision of MCP.
const NEWEST: &str = "2026-07-28";

/// The specifications that are no RFC and no page of MCP, by the start of a clause.
const KNOWN: [(&str, &str); 8] = [
    (
        "OAuth 2.1",
        "https://datatracker.ietf.org/doc/draft-ietf-oauth-v2-1/",
    ),
    (
        "MCP transports",
        "https://modelcontextprotocol.io/specification/2026-07-28/basic/transports",
    ),
    (
        "MCP security best practices",
        "https://modelcontextprotocol.io/docs/tutorials/security/security_best_practices",
    ),
    (
        "Client ID Metadata Document",
        "https://datatracker.ietf.org/doc/draft-ietf-oauth-client-id-metadata-document/",
    ),
    ("Fetch Standard", "https://fetch.spec.whatwg.org/"),
    ("JSON-RPC 2.0", "https://www.jsonrpc.org/specification"),
    (
        "OWASP XSS Prevention",
        "https://cheatsheetseries.owasp.org/cheatsheets/Cross_Site_Scripting_Prevention_Cheat_Sheet.html",
    ),
    (
        "OWASP API4",
        "https://owasp.org/API-Security/editions/2023/en/0xa4-unrestricted-resource-consumption/",
    ),
];

/// Returns the address of the first specification in `clause`, such as `RFC 9728 §5.1; …`, with its
/// section if that is known. `None` if the specification is not known.
pub fn of_clause(clause: &str) -> Option<String> {
    let first = clause.split(';').next().unwrap_or_default();
    if let Some(rest) = first.strip_prefix("RFC ") {
        let digits = |text: &str| {
            text.chars()
                .take_while(char::is_ascii_digit)
                .collect::<String>()
        };
        let number = digits(rest);
        let section = rest.split_once('§').map(|(_, section)| section);
        let section = section.map(|section| {
            let end = section.find(|part: char| !part.is_ascii_digit() && part != '.');
            section[..end.unwrap_or(section.len())].trim_end_matches('.')
        });
        return Some(match section {
            Some(section) => {
                format!("https://www.rfc-editor.org/rfc/rfc{number}#section-{section}")
            }
            None => format!("https://www.rfc-editor.org/rfc/rfc{number}"),
        });
    }
    if let Some(page) = first.strip_prefix("MCP ").and_then(page_of_mcp) {
        return Some(page);
    }
    let known = KNOWN.iter().find(|(start, _)| first.starts_with(start));
    known.map(|(_, address)| (*address).to_owned())
}

/// Returns the page of the MCP specification for `2025-11-25 basic/lifecycle, Initialization`. Without
/// a revision, the newest one is meant.
fn page_of_mcp(clause: &str) -> Option<String> {
    let place = clause.split(',').next()?;
    let (revision, page) = match place.split_once(' ') {
        Some((revision, page)) if is_revision(revision) => (revision, page),
        None if is_revision(place) => (place, ""),
        _ => (NEWEST, place),
    };
    let page = match page {
        "" => String::new(),
        "authorization" => "/basic/authorization".to_owned(),
        page if page.contains('/') && !page.contains(' ') => format!("/{page}"),
        _ => return None,
    };
    Some(format!(
        "https://modelcontextprotocol.io/specification/{revision}{page}"
    ))
}

fn is_revision(text: &str) -> bool {
    text.starts_with("20")
        && text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::of_clause;
    use crate::{rules, security};

    #[test]
    fn sections_of_rfcs_are_linked() {
        let rfc = "https://www.rfc-editor.org/rfc/";
        assert_eq!(
            of_clause("RFC 9728 §5.1; RFC 6750 §3"),
            Some(format!("{rfc}rfc9728#section-5.1"))
        );
        assert_eq!(
            of_clause("RFC 6749 §4.1.2 and §10.12"),
            Some(format!("{rfc}rfc6749#section-4.1.2"))
        );
        assert_eq!(of_clause("RFC 9700"), Some(format!("{rfc}rfc9700")));
    }

    #[test]
    fn pages_of_mcp_are_linked() {
        let mcp = "https://modelcontextprotocol.io/specification";
        for (clause, page) in [
            (
                "MCP 2025-11-25 basic/lifecycle, Shutdown",
                "2025-11-25/basic/lifecycle",
            ),
            (
                "MCP 2026-07-28 authorization, Tokens",
                "2026-07-28/basic/authorization",
            ),
            ("MCP 2026-07-28, server/discover", "2026-07-28"),
            ("MCP server/tools, Listing Tools", "2026-07-28/server/tools"),
        ] {
            assert_eq!(of_clause(clause), Some(format!("{mcp}/{page}")), "{clause}");
        }
        assert_eq!(of_clause("claude.ai gives up after 10 s"), None);
    }

    #[test]
    fn every_clause_has_a_valid_address() {
        // These are not about a specification.
        let others = [rules::CONTRACT.id, rules::COLD.id];
        for rule in rules::every().chain(security::rules()) {
            if others.contains(&rule.id) {
                continue;
            }
            let address = of_clause(rule.clause);
            let address = address.unwrap_or_else(|| panic!("{} is unknown", rule.clause));
            let url = url::Url::parse(&address).unwrap();
            assert!(
                url.scheme() == "https" && !address.ends_with('-'),
                "{address}"
            );
        }
    }
}
