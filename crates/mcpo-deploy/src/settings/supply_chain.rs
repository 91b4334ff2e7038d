//! The settings of the documents that are attached to the image, of its signature, and of Binary
//! Authorization.

use super::{check::Problem, limits, table::Table};

/// What is attached to the image, and which policy the service enforces.
#[derive(Clone, Debug)]
pub struct SupplyChain {
    /// Whether the image gets a bill of materials.
    pub has_sbom: bool,
    /// Whether the image gets a provenance.
    pub has_provenance: bool,
    /// The Cloud KMS key version that signs, as
    /// `projects/P/locations/L/keyRings/R/cryptoKeys/K/cryptoKeyVersions/N`; `None`: no signature.
    pub key: Option<String>,
    /// `None`: the service's current setting is kept.
    pub binary_authorization: Option<Policy>,
}

/// A policy of Binary Authorization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Policy {
    /// The default policy of the project.
    Default,
    /// A platform policy, as `projects/P/platforms/cloudRun/…`.
    Named(String),
}

/// The collections in the name of a key version.
const KEY_COLLECTIONS: [&str; 5] = [
    "projects",
    "locations",
    "keyRings",
    "cryptoKeys",
    "cryptoKeyVersions",
];

/// Reads the settings, and adds a problem for each invalid one.
pub fn read(table: &Table, problems: &mut Vec<Problem>) -> SupplyChain {
    let key = table.sign.as_deref().and_then(|sign| {
        let key = sign.strip_prefix("kms:").filter(|key| is_key(key));
        if key.is_none() {
            problems.push(invalid("sign", sign));
        }
        key.map(str::to_owned)
    });
    let policy = table.binary_authorization.as_deref().and_then(|name| {
        let policy = policy(name);
        if policy.is_none() {
            problems.push(invalid("binary-authorization", name));
        }
        policy
    });
    SupplyChain {
        has_sbom: table.sbom.unwrap_or(true),
        has_provenance: table.provenance.unwrap_or(true),
        key,
        binary_authorization: policy,
    }
}

fn invalid(setting: &str, value: &str) -> Problem {
    let hint = format!("use {}", limits::accepted(setting));
    Problem::new(format!("invalid {setting} {value:?}"), Some(&hint))
}

fn is_key(name: &str) -> bool {
    let segments: Vec<_> = name.split('/').collect();
    let is_pair = |(pair, collection): (&[&str], &str)| matches!(pair, [name, id] if *name == collection && is_id(id));
    let is_number = segments
        .last()
        .is_some_and(|number| number.parse::<u32>().is_ok());
    segments.len() == 2 * KEY_COLLECTIONS.len()
        && is_number
        && segments.chunks(2).zip(KEY_COLLECTIONS).all(is_pair)
}

fn policy(name: &str) -> Option<Policy> {
    if name == "default" {
        return Some(Policy::Default);
    }
    let rest = name.strip_prefix("projects/")?;
    let (project, policy) = rest.split_once("/platforms/cloudRun/")?;
    let is_named = is_id(project) && policy.split('/').all(is_id);
    is_named.then(|| Policy::Named(name.to_owned()))
}

/// Returns true if the text can be one segment of a resource name. A project of an organization's
/// domain contains a colon.
fn is_id(text: &str) -> bool {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || "-_.:".contains(c);
    !text.is_empty() && !text.contains("..") && text.chars().all(is_allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_full_names_are_accepted() {
        let key = "projects/p/locations/global/keyRings/r/cryptoKeys/k/cryptoKeyVersions/1";
        assert!(is_key(key));
        for wrong in [
            &key[..key.len() - 1],
            key.trim_end_matches("/cryptoKeyVersions/1"),
            &key.replace("global", "a/b"),
            &key.replace("global", ".."),
            &format!("{key}?x"),
            &format!("{key}:asymmetricSign"),
        ] {
            assert!(!is_key(wrong), "{wrong}");
        }
        assert_eq!(policy("default"), Some(Policy::Default));
        let named = "projects/p/platforms/cloudRun/policies/strict";
        assert_eq!(policy(named), Some(Policy::Named(named.to_owned())));
        assert_eq!(policy("strict"), None);
        assert_eq!(policy("projects/p/platforms/gke/policies/strict"), None);
    }
}
