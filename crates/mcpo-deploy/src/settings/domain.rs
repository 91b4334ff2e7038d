//! The custom domain: its name, and how Google leads it to a service.

use super::{Ingress, Settings};

/// The day on which the list of regions was last compared with its source.
pub const MAPPING_REGIONS_AS_OF: &str = "2026-07-31";
/// The page that lists the regions with domain mappings.
pub const MAPPING_REGIONS_SOURCE: &str =
    "https://cloud.google.com/run/docs/mapping-custom-domains#run";
/// The regions that have domain mappings. `docs/custom-domain.md` shows the same list; a test
/// compares them.
pub const MAPPING_REGIONS: &[&str] = &[
    "asia-east1",
    "asia-northeast1",
    "asia-southeast1",
    "europe-north1",
    "europe-west1",
    "europe-west4",
    "us-central1",
    "us-east1",
    "us-east4",
    "us-west1",
];

/// The longest host name and the longest of its labels (RFC 1035 §2.3.4).
const NAME_LEN: usize = 253;
const LABEL_LEN: usize = 63;
/// Domains that cannot belong to the user: Cloud Run's own, and names without public DNS (RFC 6761,
/// RFC 6762, RFC 8375).
const FOREIGN: &[&str] = &[
    "run.app",
    "localhost",
    "local",
    "internal",
    "home.arpa",
    "test",
    "invalid",
    "onion",
];

impl Settings {
    /// Returns true if Cloud Run itself can lead the domain to the service. Requests through a
    /// domain mapping count as requests from the internet.
    pub fn has_domain_mappings(&self) -> bool {
        MAPPING_REGIONS.contains(&&*self.region) && self.ingress == Ingress::All.name()
    }
}

/// Returns what is wrong with a custom domain and how to correct it.
pub fn problem(domain: &str) -> Option<(String, String)> {
    let invalid = |hint: &str| Some((format!("invalid domain {domain:?}"), hint.to_owned()));
    if let Some(host) = host_in(domain) {
        return invalid(&format!("use the host name alone: {host}"));
    }
    if !domain.is_ascii() {
        return invalid(
            "write a name with other letters in its ASCII form, which starts with xn--",
        );
    }
    let lower = domain.to_ascii_lowercase();
    if lower != domain {
        return invalid(&format!("use lower-case letters: {lower}"));
    }
    if domain.starts_with("*.") {
        return invalid("a certificate is issued for one name; use the name that clients will use");
    }
    let labels: Vec<_> = domain.split('.').collect();
    let is_good = domain.len() <= NAME_LEN && labels.iter().all(|label| is_label(label));
    let is_address = labels.last().is_some_and(|last| last.parse::<u8>().is_ok());
    if labels.len() < 2 || !is_good || is_address {
        return invalid("use a host name, for example mcp.example.com");
    }
    let ends = |end: &&&str| domain == **end || domain.ends_with(&format!(".{end}"));
    if let Some(end) = FOREIGN.iter().find(ends) {
        return invalid(&format!("names under {end} cannot be custom domains"));
    }
    None
}

/// Returns the host of a text that is a URL, has a port, or ends in a dot.
fn host_in(domain: &str) -> Option<&str> {
    let rest = domain.split_once("://").map_or(domain, |(_, rest)| rest);
    let host = rest.split(['/', ':', '?', '#']).next().unwrap_or_default();
    let host = host.trim_end_matches('.');
    (host != domain && !host.is_empty()).then_some(host)
}

fn is_label(label: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (1..=LABEL_LEN).contains(&label.len())
        && label.chars().all(is_plain)
        && !label.starts_with('-')
        && !label.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::{MAPPING_REGIONS, MAPPING_REGIONS_AS_OF, MAPPING_REGIONS_SOURCE, problem};

    #[test]
    fn only_host_names_that_can_have_a_certificate_are_accepted() {
        let long = format!("{}.example.com", "a".repeat(64));
        for good in [
            "mcp.example.com",
            "example.co.uk",
            "a-b.xn--bcher-kva.example",
            "1.example.com",
        ] {
            assert_eq!(problem(good), None, "{good}");
        }
        for (bad, hint) in [
            (
                "https://mcp.example.com/mcp",
                "use the host name alone: mcp.example.com",
            ),
            (
                "mcp.example.com:8443",
                "use the host name alone: mcp.example.com",
            ),
            (
                "mcp.example.com.",
                "use the host name alone: mcp.example.com",
            ),
            ("MCP.example.com", "use lower-case letters: mcp.example.com"),
            ("bücher.example", "xn--"),
            ("*.example.com", "one name"),
            ("example", "for example"),
            ("-a.example.com", "for example"),
            ("a..example.com", "for example"),
            ("a_b.example.com", "for example"),
            ("192.0.2.1", "for example"),
            ("", "for example"),
            (&long, "for example"),
            ("tiny-1.europe-west1.run.app", "run.app"),
            ("printer.local", "local"),
        ] {
            let (_, found) = problem(bad).unwrap_or_else(|| panic!("{bad}"));
            assert!(found.contains(hint), "{bad}: {found}");
        }
    }

    #[test]
    fn documentation_lists_the_regions_with_their_source() {
        let manual = include_str!("../../../../docs/custom-domain.md");
        let regions: Vec<_> = MAPPING_REGIONS
            .iter()
            .map(|region| format!("`{region}`"))
            .collect();
        for text in [
            &*regions.join(", "),
            MAPPING_REGIONS_AS_OF,
            MAPPING_REGIONS_SOURCE,
        ] {
            let unwrapped = manual.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(
                unwrapped.contains(text),
                "docs/custom-domain.md lacks {text}"
            );
        }
    }
}
