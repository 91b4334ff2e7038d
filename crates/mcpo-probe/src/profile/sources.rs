//! Where the facts of a profile come from.

use serde::Deserialize;

/// The origin of one member of a profile.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FactSource {
    /// The page, package or commit. `None`: the value is a guess, and `note` says why.
    pub source: Option<String>,
    /// The date of that page, package or commit, as `2026-11-28`, if it is known.
    pub date: Option<String>,
    /// How the fact was found, and its limits.
    pub note: Option<String>,
}

#[cfg(test)]
impl FactSource {
    /// Returns true if there is an https URL or at least a note, and if the date is a date.
    pub fn is_valid(&self) -> bool {
        let has_url = self.source.as_ref().map(|url| url.starts_with("https://"));
        let is_date = |date: &String| {
            let parts: Vec<&str> = date.split('-').collect();
            let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
            let is_number = |part: &&str| part.bytes().all(|byte| byte.is_ascii_digit());
            lengths == [4, 2, 2] && parts.iter().all(is_number)
        };
        has_url.unwrap_or(self.note.is_some()) && self.date.as_ref().is_none_or(is_date)
    }
}
