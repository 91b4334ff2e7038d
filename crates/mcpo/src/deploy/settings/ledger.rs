//! Where the service remembers, and what it has to be built with for that.

use super::{LEDGER, SecretSetting, SecretSource, check::Problem};

/// Where the service remembers spent codes and grants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ledger {
    /// A bucket that is made for it.
    Bucket,
    /// What the runtime is told by name.
    Named(String),
    /// What the secret `MCPO_LEDGER` says: an address with a password.
    Secret,
}

impl Ledger {
    /// Whether an address is one of Redis or Valkey, for which the runtime has a feature.
    fn is_redis(address: &str) -> bool {
        let scheme = address.split_once("://").map(|(scheme, _)| scheme);
        matches!(scheme, Some("redis" | "rediss" | "valkey" | "valkeys"))
    }
}

/// What is said of the ledger, and whether the service has to be built with Redis for it.
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
                SecretSource::Existing { .. } | SecretSource::Made(_) => None,
            };
            let is_redis = value.is_some_and(|value| Ledger::is_redis(value.expose()));
            (Ledger::Secret, is_redis)
        }
        (Some(_), Some(_)) => {
            let what = "ledger is set, and MCPO_LEDGER stands in secrets";
            problems.push(Problem::new(what, Some("leave one of the two out")));
            (Ledger::Secret, false)
        }
        (None | Some("bucket"), None) => (Ledger::Bucket, false),
        (Some(address), None) => {
            if address.contains('@') {
                let what = "ledger is an address with a password, which is a secret";
                let hint = "write secrets = [\"MCPO_LEDGER\"] and set it in .env or in the shell";
                problems.push(Problem::new(what, Some(hint)));
            }
            (Ledger::Named(address.to_owned()), Ledger::is_redis(address))
        }
    }
}
