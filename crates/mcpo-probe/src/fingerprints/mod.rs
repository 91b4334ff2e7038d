//! Recognizes server software by its responses, and knows which of its settings fix a check.
//!
//! The facts are data: `servers.json` (MCP servers), `issuers.json` (authorization servers) and
//! `gateways.json` (what is in front of a server and may answer instead of it). No other code knows
//! a server by name.

mod blanks;
mod known;
mod traits;

#[cfg(test)]
mod recorded;

use std::sync::LazyLock;

pub use self::{
    blanks::Blanks,
    known::{Fingerprint, Kind, Place},
    traits::{Explanation, Noted, Traits},
};

/// The files, in the order in which servers are named.
const FILES: [&str; 3] = [
    include_str!("servers.json"),
    include_str!("issuers.json"),
    include_str!("gateways.json"),
];

static ALL: LazyLock<Vec<Fingerprint>> = LazyLock::new(|| {
    // The files are compiled in, and a test parses them.
    let files = FILES.map(serde_json::from_str::<Vec<Fingerprint>>);
    files
        .into_iter()
        .flat_map(Result::unwrap_or_default)
        .collect()
});

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use serde_json::Value;

    use super::{ALL, Blanks, FILES, Kind, Noted, Place, Traits};
    use crate::{profile::Client, restart_checks, rules, security};

    #[test]
    fn every_setting_refers_to_an_existing_check() {
        let ids: HashSet<&str> = rules::every()
            .chain(security::rules())
            .chain(restart_checks::rules())
            .map(|rule| rule.id)
            .collect();
        assert!(ALL.len() > 25);
        for known in ALL.iter() {
            for id in known.settings.keys() {
                assert!(ids.contains(id.as_str()), "{}: {id}", known.name);
            }
        }
    }

    /// Every setting, the signs and the answers have a source, and no source is for anything else.
    #[test]
    fn every_fact_has_a_source_and_a_date() {
        for file in FILES {
            let file: Vec<Value> = serde_json::from_str(file).unwrap();
            for known in &file {
                let name = &known["name"];
                let mut facts: HashSet<&str> = ["signs"].into();
                facts.extend(
                    known["settings"]
                        .as_object()
                        .unwrap()
                        .keys()
                        .map(String::as_str),
                );
                facts.extend(known.get("answers").map(|_| "answers"));
                let mut sourced = HashSet::new();
                for source in known["sources"].as_array().unwrap() {
                    let date = source["date"].as_str().unwrap();
                    assert_eq!(date.len(), "2026-11-28".len(), "{name}: {source}");
                    assert!(!source["url"].as_str().unwrap().is_empty(), "{name}");
                    let named = source["for"].as_array().unwrap().iter();
                    sourced.extend(named.map(|fact| fact.as_str().unwrap()));
                }
                assert_eq!(facts, sourced, "{name}");
            }
        }
    }

    #[test]
    fn the_files_hold_what_their_names_say() {
        let kinds = [Kind::Server, Kind::Issuer, Kind::Gateway];
        for (file, kind) in FILES.iter().zip(kinds) {
            let file: Vec<super::Fingerprint> = serde_json::from_str(file).unwrap();
            assert!(file.len() > 5 && file.iter().all(|known| known.kind == kind));
        }
    }

    /// Reports cut longer texts.
    #[test]
    fn the_fix_of_an_answer_fits_into_a_report_for_every_client() {
        for client in Client::ALL {
            let profile = client.profile().unwrap();
            let redirect_uri = profile.redirect_uris().next();
            let blanks = Blanks::new(profile.addresses(), redirect_uri.as_ref());
            for known in ALL.iter() {
                for answer in &known.answers {
                    let fix = blanks.fill(&answer.fix);
                    assert!(fix.chars().count() <= 240, "{}: {fix}", known.name);
                    for blank in ["{addresses}", "{redirect_uri}", "{redirect_host}"] {
                        assert!(!fix.contains(blank), "{}: {fix}", known.name);
                    }
                }
            }
        }
    }

    #[test]
    fn product_is_recognized_only_if_all_signs_match() {
        let traits = Traits::default();
        let note = |place, text: &str| {
            traits.note(Noted {
                place,
                url: String::new(),
                text: text.to_owned(),
            });
        };
        note(Place::Endpoint, "status 200\nserver: uvicorn\n");
        assert!(traits.recognized().is_empty());
        let metadata = "status 200\n{\"bearer_methods_supported\":[\"header\"]}";
        note(Place::Resource, metadata);
        assert_eq!(traits.recognized()[0].name, "FastMCP or the Python SDK");
        let settings = |id| traits.settings(id, &Blanks::default());
        assert!(settings("resource-identity")[0].contains("base_url"));
        assert!(settings("address").is_empty());
    }
}
