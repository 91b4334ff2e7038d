//! The web addresses of specifications.

/// The specification that the probe is about.
pub const SPECIFICATION: &str =
    "https://modelcontextprotocol.io/specification/2026-07-28/basic/authorization";

/// The specifications that are no RFC, by the start of a clause.
const KNOWN: [(&str, &str); 8] = [
    (
        "OAuth 2.1",
        "https://datatracker.ietf.org/doc/draft-ietf-oauth-v2-1/",
    ),
    (
        "MCP 2025-11-25",
        "https://modelcontextprotocol.io/specification/2025-11-25",
    ),
    (
        "MCP transports",
        "https://modelcontextprotocol.io/specification/2026-07-28/basic/transports",
    ),
    (
        "MCP server/",
        "https://modelcontextprotocol.io/specification/2026-07-28/server",
    ),
    (
        "MCP security best practices",
        "https://modelcontextprotocol.io/docs/tutorials/security/security_best_practices",
    ),
    ("Fetch Standard", "https://fetch.spec.whatwg.org/"),
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
/// section if that is known.
pub fn of_clause(clause: &str) -> String {
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
        return match section {
            Some(section) => {
                format!("https://www.rfc-editor.org/rfc/rfc{number}#section-{section}")
            }
            None => format!("https://www.rfc-editor.org/rfc/rfc{number}"),
        };
    }
    let known = KNOWN.iter().find(|(start, _)| first.starts_with(start));
    known
        .map_or(SPECIFICATION, |(_, address)| address)
        .to_owned()
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
            format!("{rfc}rfc9728#section-5.1")
        );
        assert_eq!(
            of_clause("RFC 6749 §4.1.2 and §10.12"),
            format!("{rfc}rfc6749#section-4.1.2")
        );
        assert_eq!(of_clause("RFC 9700"), format!("{rfc}rfc9700"));
    }

    #[test]
    fn every_clause_has_a_valid_address() {
        for rule in rules::every().chain(security::rules()) {
            let address = of_clause(rule.clause);
            let url = url::Url::parse(&address).unwrap();
            assert!(
                url.scheme() == "https" && !address.ends_with('-'),
                "{address}"
            );
        }
    }
}
