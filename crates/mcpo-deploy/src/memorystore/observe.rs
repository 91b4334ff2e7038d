//! Reads the instance. Only sends read requests.

use mcpo_common::{
    error::{Failure, Outcome},
    secret::Secret,
};

use super::{DELETING, READY, SeenInstance, check, name};
use crate::{
    google::{
        ErrorContext as _, Google,
        api::redis::{Instance, InstanceAuthString},
        method,
    },
    names::Names,
    settings::Settings,
};

/// Returns the instance of the ledger. `None` if the ledger is not in Memorystore.
pub async fn observe(
    google: &Google,
    settings: &Settings,
    names: &Names,
    is_enabled: bool,
) -> Outcome<Option<SeenInstance>> {
    let Some((name, is_own)) = name(settings, names) else {
        return Ok(None);
    };
    let during = || format!("failed to read the Memorystore instance {name}");
    let path = format!("v1/{}/instances/{name}", names.location());
    let found = if is_enabled {
        let found = google.find(&method::INSTANCE_GET, &path).await;
        found.during(during())?
    } else {
        None
    };
    let Some(instance) = found else {
        if is_own {
            return Ok(Some(SeenInstance::default()));
        }
        let what = format!(
            "there is no Memorystore instance {name} in {}",
            names.region
        );
        return Err(Failure::new(what).hint("let mcpo create one: ledger = \"memorystore\""));
    };
    check(settings, names, &name, &instance)?;
    if instance.state == DELETING {
        let what = format!("the Memorystore instance {name} is being deleted");
        return Err(Failure::new(what).hint("run the same command again when it is gone"));
    }
    // An instance keeps its address while it is updated or repaired.
    let address = if instance.state == READY || !instance.host.is_empty() {
        Some(
            read_address(google, &path, &instance)
                .await
                .during(during())?,
        )
    } else {
        None
    };
    Ok(Some(SeenInstance {
        instance: Some(instance),
        address,
    }))
}

/// Returns the address with the password.
pub async fn read_address(
    google: &Google,
    path: &str,
    instance: &Instance,
) -> Result<Secret, crate::google::GoogleError> {
    if !instance.auth_enabled {
        return Ok(address(instance, ""));
    }
    let path = format!("{path}/authString");
    let found: InstanceAuthString = google.get(&method::INSTANCE_AUTH, &path).await?;
    Ok(address(instance, &found.auth_string))
}

/// Returns the address for the runtime.
pub fn address(instance: &Instance, password: &str) -> Secret {
    let Instance { host, port, .. } = instance;
    if password.is_empty() {
        return Secret::new(format!("redis://{host}:{port}"));
    }
    let password: String = url::form_urlencoded::byte_serialize(password.as_bytes()).collect();
    let password = password.replace('+', "%20");
    Secret::new(format!("redis://:{password}@{host}:{port}"))
}
