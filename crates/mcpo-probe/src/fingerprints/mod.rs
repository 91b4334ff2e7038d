//! Recognizes server software by its responses, and knows which of its settings fix a check.
//!
//! The facts are data (`servers.json`); no other code knows a server by name.

use std::{cell::RefCell, sync::LazyLock};

use serde::Deserialize;

/// The most responses that are remembered: later ones add nothing new.
const REMEMBERED: usize = 12;

/// A widely used server.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fingerprint {
    pub name: String,
    /// The server is recognized if all of these were seen.
    signs: Vec<Sign>,
    /// What to change, by the id of the check.
    settings: std::collections::HashMap<String, String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sign {
    #[serde(rename = "in")]
    place: Place,
    has: String,
}

/// Where a response came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Place {
    /// The MCP endpoint.
    Endpoint,
    /// The resource metadata.
    Resource,
    /// The issuer's metadata.
    Issuer,
}

static ALL: LazyLock<Vec<Fingerprint>> =
    // The file is compiled in, and a test parses it.
    LazyLock::new(|| serde_json::from_str(include_str!("servers.json")).unwrap_or_default());

/// The responses of a server so far.
#[derive(Debug, Default)]
pub struct Traits(RefCell<Vec<(Place, String)>>);

impl Traits {
    /// Records a response: its headers in lower case, one per line, then its body.
    pub fn note(&self, place: Place, answer: String) {
        let mut seen = self.0.borrow_mut();
        if seen.len() < REMEMBERED {
            seen.push((place, answer));
        }
    }

    /// Returns the known servers that answer like this one.
    pub fn recognized(&self) -> Vec<&'static Fingerprint> {
        let seen = self.0.borrow();
        let is_seen = |sign: &Sign| {
            let mut there = seen.iter().filter(|(place, _)| *place == sign.place);
            there.any(|(_, answer)| answer.contains(&sign.has))
        };
        let all = ALL.iter();
        all.filter(|known| known.signs.iter().all(is_seen))
            .collect()
    }

    /// Returns the settings of the recognized servers that fix the check with this id.
    pub fn settings(&self, id: &str) -> Vec<String> {
        let recognized = self.recognized().into_iter();
        let settings = recognized.filter_map(|known| {
            let setting = known.settings.get(id)?;
            Some(format!("{}: {setting}", known.name))
        });
        settings.collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::{ALL, Place, Traits};
    use crate::{rules, security};

    #[test]
    fn every_setting_belongs_to_a_check_that_exists() {
        let ids: HashSet<&str> = rules::every()
            .chain(security::rules())
            .chain(crate::restart_checks::rules())
            .map(|rule| rule.id)
            .collect();
        assert!(ALL.len() > 5);
        for known in ALL.iter() {
            assert!(!known.signs.is_empty(), "{}", known.name);
            for id in known.settings.keys() {
                assert!(ids.contains(id.as_str()), "{}: {id}", known.name);
            }
        }
    }

    #[test]
    fn all_signs_have_to_be_there() {
        let traits = Traits::default();
        traits.note(Place::Endpoint, "server: uvicorn\n".to_owned());
        assert!(traits.recognized().is_empty());
        let metadata = r#"{"bearer_methods_supported":["header"]}"#;
        traits.note(Place::Resource, metadata.to_owned());
        assert_eq!(traits.recognized()[0].name, "FastMCP or the Python SDK");
        assert!(traits.settings("resource-identity")[0].contains("base_url"));
        assert!(traits.settings("address").is_empty());
    }
}
