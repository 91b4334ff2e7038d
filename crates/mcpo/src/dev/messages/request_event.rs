//! The server's notice about one request.

use mcpo_common::text::is_hidden;
use serde::{Deserialize, Serialize};

/// The beginning of the line in a datagram that reports a request.
const NOTICE: &str = "X_MCPO_STEP=";

/// One request and its answer.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq)]
pub struct RequestEvent {
    pub step: String,
    pub method: String,
    pub status: u16,
    pub milliseconds: u64,
    #[serde(default)]
    pub agent: String,
    /// The client name, if this request registered it.
    #[serde(default)]
    pub name: Option<String>,
    #[serde(default)]
    pub redirect_uri: Option<String>,
    /// Whether `mcpo dev` itself made the request.
    #[serde(default, rename = "self_test")]
    pub is_from_mcpo: bool,
    /// Whether `mcpo probe` made the request, from another terminal.
    #[serde(default, rename = "probe")]
    pub is_from_probe: bool,
}

impl RequestEvent {
    /// Parses a line, if it reports a request.
    pub fn read(line: &str) -> Option<Self> {
        let mut request: Self = serde_json::from_str(line.strip_prefix(NOTICE)?).ok()?;
        // These texts are shown in a terminal later, and remote clients choose them.
        plain(&mut request.step);
        plain(&mut request.method);
        plain(&mut request.agent);
        for text in [&mut request.name, &mut request.redirect_uri] {
            text.iter_mut().for_each(plain);
        }
        Some(request)
    }

    /// Returns the product name of the client: `node`, `python-httpx`, `Mozilla`.
    pub fn product(&self) -> &str {
        product_of(&self.agent)
    }

    /// Returns true if the request came from a user's browser.
    pub fn is_from_browser(&self) -> bool {
        self.agent.starts_with("Mozilla/")
    }
}

/// Returns the product name in a `User-Agent` header.
pub fn product_of(agent: &str) -> &str {
    agent
        .split(['/', ' '])
        .next()
        .filter(|word| !word.is_empty())
        .unwrap_or("unknown client")
}

fn plain(text: &mut String) {
    text.retain(|c| !is_hidden(c));
}

#[cfg(test)]
mod tests {
    use super::RequestEvent;

    #[test]
    fn reads_only_request_events_and_no_terminal_escapes() {
        assert_eq!(RequestEvent::read("READY=1"), None);
        assert_eq!(RequestEvent::read("X_MCPO_STEP={broken"), None);
        let line = r#"X_MCPO_STEP={"step":"token","method":"POST","status":200,"milliseconds":3,"agent":"a\u001b[2J\u202e\u180e/1","name":null}"#;
        let request = RequestEvent::read(line).unwrap();
        assert_eq!(
            (request.agent.as_str(), request.product()),
            ("a[2J/1", "a[2J")
        );
    }
}
