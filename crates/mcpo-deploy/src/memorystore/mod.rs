//! A ledger in Memorystore for Redis: an instance that mcpo creates for the service, or an existing
//! one.
//!
//! The address with the password of the instance is the value of the secret `MCPO_LEDGER`. It is
//! known only when the instance is ready, so a first deployment waits for the instance before it adds
//! the secret. The state of a run is the instance itself: a run after a kill finds it, and waits.

mod create;
mod observe;

use mcpo_common::{
    error::{Failure, Outcome},
    secret::Secret,
};

pub use self::{create::ensure, observe::observe};
use crate::{
    google::api::redis::Instance,
    labels::are_ours,
    names::Names,
    settings::{Ledger, Settings},
};

/// The API that a ledger in Memorystore needs.
pub const API: &str = "redis.googleapis.com";
/// The state of an instance that serves requests.
const READY: &str = "READY";
/// The state of an instance that is being deleted.
const DELETING: &str = "DELETING";
const TLS: &str = "SERVER_AUTHENTICATION";

/// An instance as it was observed.
#[derive(Debug, Default)]
pub struct SeenInstance {
    /// `None` if it does not exist.
    pub instance: Option<Instance>,
    /// The address with the password. `None` before the instance is ready.
    pub address: Option<Secret>,
}

/// Returns the short name of the instance, and whether mcpo creates it. `None` if the ledger is not in
/// Memorystore.
pub fn name(settings: &Settings, names: &Names) -> Option<(String, bool)> {
    match &settings.ledger {
        Ledger::Memorystore(Some(name)) => Some((name.clone(), false)),
        Ledger::Memorystore(None) => Some((names.instance_id(), true)),
        _ => None,
    }
}

/// Returns the full name of the network that the instance is connected to.
fn network(settings: &Settings, names: &Names) -> String {
    match settings.network.as_deref().unwrap_or("default") {
        full if full.contains('/') => full.to_owned(),
        name => format!("projects/{}/global/networks/{name}", names.project),
    }
}

/// Fails if the service cannot use this instance.
fn check(settings: &Settings, names: &Names, name: &str, instance: &Instance) -> Outcome<()> {
    let is_own = settings.ledger == Ledger::Memorystore(None);
    if is_own && !(are_ours(&instance.labels) && names.are_labels_of_service(&instance.labels)) {
        let what = format!("the Memorystore instance {name} exists, and mcpo did not create it");
        let hint = format!("to use it anyway: ledger = \"memorystore:{name}\"");
        return Err(Failure::new(what).hint(hint));
    }
    if instance.transit_encryption_mode == TLS {
        let what = format!("the Memorystore instance {name} requires TLS with its own authority");
        return Err(Failure::new(what).hint(
            "remove ledger, and set MCPO_LEDGER and MCPO_LEDGER_CA as for any Redis with TLS",
        ));
    }
    let short = |name: &str| name.rsplit('/').next().unwrap_or_default().to_owned();
    let (wanted, found) = (network(settings, names), &instance.authorized_network);
    // A full name can contain the number of the project instead of its id.
    if settings.network.is_some() && !found.is_empty() && short(&wanted) != short(found) {
        let what = format!("the Memorystore instance {name} is in the network {found}");
        return Err(Failure::new(what).hint(format!("set network = \"{}\"", short(found))));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::observe::address;
    use crate::google::api::redis::Instance;

    #[test]
    fn address_contains_the_password_in_url_encoding() {
        let instance = Instance {
            host: "10.0.0.3".to_owned(),
            port: 6379,
            ..Instance::default()
        };
        assert_eq!(
            address(&instance, "a/b@c").expose(),
            "redis://:a%2Fb%40c@10.0.0.3:6379"
        );
        assert_eq!(address(&instance, "").expose(), "redis://10.0.0.3:6379");
    }
}
