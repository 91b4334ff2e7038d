//! The forms of names, labels, members and roles.

use serde::Deserialize;
use serde_json::Value;

/// The form of an id.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IdForm {
    /// A label of RFC 1035: a letter first, no hyphen last.
    Name,
    /// Letters, digits, hyphens and underscores.
    Secret,
    /// Lower-case letters, digits, hyphens, underscores and dots, without Google's names.
    Bucket,
}

impl IdForm {
    /// Returns true if the text has this form.
    pub fn matches(self, text: &str) -> bool {
        let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        match self {
            Self::Name => {
                text.starts_with(|c: char| c.is_ascii_lowercase())
                    && text.chars().all(|c| is_plain(c) || c == '-')
                    && !text.ends_with('-')
            }
            Self::Secret => {
                let is_allowed = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
                text.chars().all(is_allowed)
            }
            Self::Bucket => {
                text.chars().all(|c| is_plain(c) || "-_.".contains(c))
                    && text.starts_with(is_plain)
                    && text.ends_with(is_plain)
                    && !text.starts_with("goog")
                    && !text.contains("google")
            }
        }
    }
}

/// Returns true if the labels have valid keys and values.
pub fn are_labels(labels: &Value) -> bool {
    let plain = |c: char| (c.is_alphanumeric() && !c.is_uppercase()) || c == '-' || c == '_';
    let is_good = |text: &str| text.chars().count() <= 63 && text.chars().all(plain);
    let labels: Vec<_> = labels.as_object().into_iter().flatten().collect();
    labels.len() <= 64
        && labels.into_iter().all(|(key, value)| {
            is_good(key)
                && key.starts_with(|c: char| c.is_alphabetic() && !c.is_uppercase())
                && is_good(value.as_str().unwrap_or_default())
        })
}

/// Returns true if the member is one of these prefixes with an email address, or with a text.
pub fn is_member(member: &str, before_email: &[String], before_text: &[String]) -> bool {
    let rest = |prefixes: &[String]| {
        let mut prefixes = prefixes.iter();
        let found = prefixes.find_map(|prefix| member.strip_prefix(prefix.as_str()));
        found.unwrap_or_default().to_owned()
    };
    let is_email = |text: &str| {
        text.split_once('@')
            .is_some_and(|(name, host)| !name.is_empty() && host.contains('.'))
    };
    is_email(&rest(before_email)) || !rest(before_text).is_empty()
}

/// Returns true for custom roles and for predefined roles of these services.
pub fn is_role(role: &str, services: &[String]) -> bool {
    let is_name = |name: &str| {
        !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '.')
    };
    let is_predefined = services.iter().any(|service| {
        let name = role.strip_prefix(&format!("roles/{service}."));
        name.is_some_and(is_name)
    });
    let is_custom = (role.starts_with("projects/") || role.starts_with("organizations/"))
        && role.contains("/roles/");
    is_predefined || is_custom
}
