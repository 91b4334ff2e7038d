//! Web addresses that pages link to.

use std::fmt;

use serde::Serialize;
use url::Url;

/// The longest address, in bytes.
const MAX_LEN: usize = 1024;

/// An address that is safe as the target of a link: it opens a web site or a mail program, and runs
/// nothing on this server's page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub(crate) struct LinkUrl(String);

impl LinkUrl {
    /// Parses the https URL of a web page.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let url = parse(text)?;
        let has_user = !url.username().is_empty() || url.password().is_some();
        let is_web = url.scheme() == "https" && url.has_host() && !has_user;
        is_web.then(|| Self(url.into()))
    }

    /// Parses the https URL of a web page, or `mailto:` with an address (RFC 6068).
    pub(crate) fn parse_contact(text: &str) -> Option<Self> {
        let mail = || {
            let url = parse(text).filter(|url| url.scheme() == "mailto")?;
            url.path().contains('@').then(|| Self(url.into()))
        };
        Self::parse(text).or_else(mail)
    }
}

fn parse(text: &str) -> Option<Url> {
    if text.len() > MAX_LEN {
        return None;
    }
    Url::parse(text).ok()
}

impl fmt::Display for LinkUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_to_web_pages_and_contacts_also_to_mail() {
        let web = "https://a.example/privacy?x=1";
        assert_eq!(LinkUrl::parse(web).unwrap().to_string(), web);
        let long = format!("https://a.example/{}", "x".repeat(MAX_LEN));
        for bad in [
            "http://a.example",
            "javascript:alert(1)",
            "https://user@a.example",
            "/privacy",
            "data:text/html,x",
            &long,
        ] {
            assert_eq!(LinkUrl::parse_contact(bad), None, "{bad}");
        }
        let mail = "mailto:help@a.example";
        assert_eq!(LinkUrl::parse(mail), None);
        assert!(LinkUrl::parse_contact(mail).is_some());
        assert_eq!(LinkUrl::parse_contact("mailto:"), None);
    }
}
