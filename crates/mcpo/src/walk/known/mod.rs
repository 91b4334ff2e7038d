//! Servers that are recognized by their answers, and which of their settings mends what.
//!
//! The facts are data (`servers.json`); nothing elsewhere knows a server by name.

use std::{cell::RefCell, sync::LazyLock};

use serde::Deserialize;

/// More answers than tell anything new.
const REMEMBERED: usize = 12;

/// A server that many people run.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Known {
    pub name: String,
    /// All of them are seen.
    signs: Vec<Sign>,
    /// By the id of the check: what to change.
    settings: std::collections::HashMap<String, String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sign {
    #[serde(rename = "in")]
    place: Place,
    has: String,
}

/// Where an answer came from.
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

static ALL: LazyLock<Vec<Known>> =
    // The file is part of the program, and a test reads it.
    LazyLock::new(|| serde_json::from_str(include_str!("servers.json")).unwrap_or_default());

/// What was seen of a server so far.
#[derive(Debug, Default)]
pub struct Traits(RefCell<Vec<(Place, String)>>);

impl Traits {
    /// Notes an answer: its headers in lower case, a line each, then its body.
    pub fn note(&self, place: Place, answer: String) {
        let mut seen = self.0.borrow_mut();
        if seen.len() < REMEMBERED {
            seen.push((place, answer));
        }
    }

    /// The servers that answer like this.
    pub fn recognized(&self) -> Vec<&'static Known> {
        let seen = self.0.borrow();
        let is_seen = |sign: &Sign| {
            let mut there = seen.iter().filter(|(place, _)| *place == sign.place);
            there.any(|(_, answer)| answer.contains(&sign.has))
        };
        let all = ALL.iter();
        all.filter(|known| known.signs.iter().all(is_seen))
            .collect()
    }

    /// Which settings of the servers that were recognized mend the check of that id.
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
    use crate::walk::{rules, security};

    #[test]
    fn every_setting_belongs_to_a_check_that_exists() {
        let ids: HashSet<&str> = rules::every()
            .chain(security::rules())
            .chain(crate::walk::lifecycle::rules())
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
