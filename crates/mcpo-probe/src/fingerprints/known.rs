//! The facts about one known server, as the JSON files hold them.

use std::collections::HashMap;

use serde::{Deserialize, de::IgnoredAny};

use super::Noted;

/// A widely used server, authorization server or gateway.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fingerprint {
    pub name: String,
    #[serde(default)]
    pub kind: Kind,
    /// The server is recognized if all of these were seen.
    signs: Vec<Sign>,
    /// Other sets of signs; one of them is enough.
    #[serde(default, rename = "or")]
    other_signs: Vec<Vec<Sign>>,
    /// What to change, by the id of the check.
    pub(super) settings: HashMap<String, String>,
    /// Responses that show their own cause, the most specific first.
    #[serde(default)]
    pub(super) answers: Vec<KnownAnswer>,
    /// Where the facts come from. Only tests read them.
    #[serde(rename = "sources")]
    _sources: IgnoredAny,
}

/// What the software does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum Kind {
    /// It is the MCP server.
    #[default]
    #[serde(rename = "server")]
    Server,
    /// It issues the tokens.
    #[serde(rename = "authorization server")]
    Issuer,
    /// It is in front of the server, and may answer instead of it.
    #[serde(rename = "gateway")]
    Gateway,
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
    /// The registration endpoint.
    Registration,
    /// The token endpoint.
    Token,
    /// The pages of the sign-in, which a browser requests.
    Authorization,
    /// In a sign: every place. For a response: none of the others.
    Any,
}

impl Place {
    /// Returns true if responses from `other` are meant.
    fn covers(self, other: Self) -> bool {
        self == Self::Any || self == other
    }
}

/// A text that responses of the server contain, or never contain.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sign {
    #[serde(rename = "in")]
    place: Place,
    has: Option<String>,
    /// One of these texts is enough.
    #[serde(default)]
    any: Vec<String>,
    /// No response contains this text.
    lacks: Option<String>,
}

/// A response that shows its own cause.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KnownAnswer {
    /// Where it comes from, if the words mean something else elsewhere.
    #[serde(rename = "in")]
    place: Option<Place>,
    /// The response contains all of these texts.
    all: Vec<String>,
    /// Whether the words are too common to identify the server.
    #[serde(default)]
    pub(super) only_if_recognized: bool,
    /// Whether it is a check that browsers pass.
    #[serde(default)]
    pub(super) browser: bool,
    pub(super) says: String,
    pub(super) fix: String,
}

impl Fingerprint {
    /// Returns true if the server sent `answers`.
    pub(super) fn is_recognized_by(&self, answers: &[Noted]) -> bool {
        let mut sets = std::iter::once(&self.signs).chain(&self.other_signs);
        sets.any(|signs| signs.iter().all(|sign| sign.is_seen(answers)))
    }
}

impl Sign {
    fn is_seen(&self, answers: &[Noted]) -> bool {
        let mut there = answers
            .iter()
            .filter(|noted| self.place.covers(noted.place));
        if let Some(absent) = &self.lacks {
            return !there.any(|noted| noted.text.contains(absent));
        }
        there.any(|noted| {
            let mut wanted = self.has.iter().chain(&self.any);
            wanted.any(|wanted| noted.text.contains(wanted))
        })
    }
}

impl KnownAnswer {
    pub(super) fn matches(&self, answer: &Noted) -> bool {
        self.place.is_none_or(|place| place.covers(answer.place))
            && self.all.iter().all(|text| answer.text.contains(text))
    }
}
