//! The `ledger` setting, and the feature that the service needs for it.

use super::{LEDGER, SecretSetting, SecretSource, check::Problem};

/// The storage in which the service records spent codes and grants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ledger {
    /// A bucket that deploy creates.
    Bucket,
    /// The value of the `ledger` setting, passed to the runtime as it is.
    Named(String),
    /// A Memorystore for Redis instance: an existing one with this name, or one that deploy creates.
    Memorystore(Option<String>),
    /// The value of the secret `MCPO_LEDGER`: a URL with a password.
    Secret,
}

impl Ledger {
    /// Returns true for a URL of Redis or Valkey, which the runtime supports behind a feature.
    fn is_redis(address: &str) -> bool {
        let scheme = address.split_once("://").map(|(scheme, _)| scheme);
        matches!(scheme, Some("redis" | "rediss" | "valkey" | "valkeys"))
    }
}

/// Returns the ledger, and whether the service must be built with the Redis feature.
pub fn read(
    named: Option<&str>,
    secrets: &[SecretSetting],
    problems: &mut Vec<Problem>,
) -> (Ledger, bool) {
    let secret = secrets.iter().find(|secret| secret.variable == LEDGER);
    match (named, secret) {
        (None, Some(secret)) => {
            let value = match &secret.source {
                SecretSource::Local(value) => value.as_ref(),
                SecretSource::Existing { .. }
                | SecretSource::Generated(_)
                | SecretSource::Instance => None,
            };
            let is_redis = value.is_some_and(|value| Ledger::is_redis(value.expose()));
            (Ledger::Secret, is_redis)
        }
        (Some(_), Some(_)) => {
            let what = "ledger is set, and MCPO_LEDGER is in secrets";
            problems.push(Problem::new(what, Some("remove one of the two")));
            (Ledger::Secret, false)
        }
        (None | Some("bucket"), None) => (Ledger::Bucket, false),
        (Some("memorystore"), None) => (Ledger::Memorystore(None), true),
        (Some(named), None) if named.starts_with("memorystore:") => {
            let name = named.trim_start_matches("memorystore:");
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            if name.is_empty() || !name.chars().all(plain) {
                let hint = "use ledger = \"memorystore:INSTANCE\", in the region of the service";
                let what = format!("invalid Memorystore instance {name:?}");
                problems.push(Problem::new(what, Some(hint)));
            }
            (Ledger::Memorystore(Some(name.to_owned())), true)
        }
        (Some(address), None) => {
            if address.contains('@') {
                let what = "ledger is a URL with a password, which is a secret";
                let hint =
                    "use secrets = [\"MCPO_LEDGER\"] and set the variable in .env or in the shell";
                problems.push(Problem::new(what, Some(hint)));
            }
            (Ledger::Named(address.to_owned()), Ledger::is_redis(address))
        }
    }
}
