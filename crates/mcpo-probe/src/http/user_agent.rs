//! The `User-Agent` header: firewalls decide by it.

use super::pool::Speaker;

/// The probe's own value, sent by the user's browser and where the client's value is unknown.
const OWN: &str = concat!("mcpo-probe/", env!("CARGO_PKG_VERSION"));

/// The client's values by kind of request. Empty: no header. `None`: unknown.
#[derive(Clone, Debug, Default)]
pub struct UserAgents {
    pub oauth: Option<String>,
    pub mcp: Option<String>,
}

impl UserAgents {
    /// Returns the value for a request of `speaker`, or `None` if it has no such header.
    pub fn of(&self, speaker: Speaker) -> Option<&str> {
        let known = match speaker {
            Speaker::OAuth => self.oauth.as_deref(),
            Speaker::Mcp => self.mcp.as_deref(),
            Speaker::Browser => None,
        };
        Some(known.unwrap_or(OWN)).filter(|value| !value.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::{OWN, Speaker, UserAgents};

    #[test]
    fn unknown_values_are_our_own_and_empty_values_are_not_sent() {
        let agents = UserAgents {
            oauth: Some(String::new()),
            mcp: Some("Claude-User".to_owned()),
        };
        assert_eq!(agents.of(Speaker::OAuth), None);
        assert_eq!(agents.of(Speaker::Mcp), Some("Claude-User"));
        assert_eq!(agents.of(Speaker::Browser), Some(OWN));
        assert_eq!(UserAgents::default().of(Speaker::Mcp), Some(OWN));
    }
}
