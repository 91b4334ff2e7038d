//! Creates the instance, and waits until it is ready. This takes several minutes.

use std::time::{Duration, Instant};

use mcpo_common::{
    error::{Failure, Outcome},
    secret::Secret,
};

use super::{READY, check, name, network, observe::read_address};
use crate::{
    context::Context,
    google::{
        ErrorContext as _, GoogleError, Request,
        api::{Operation, redis::Instance},
        method,
    },
};

/// How long to wait for an instance.
const CREATING: Duration = Duration::from_secs(30 * 60);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Creates the instance if `makes_instance` is true, waits until it is ready, and returns its address
/// with the password.
pub async fn ensure(context: &Context<'_>, makes_instance: bool) -> Outcome<Secret> {
    let name = name(&context.settings, &context.names).map_or_else(String::new, |(name, _)| name);
    let during = format!("failed to create the Memorystore instance {name}");
    let progress = context.ui.spinner(format!(
        "creating the Memorystore instance {name}, which takes several minutes"
    ));
    let begun = Instant::now();
    let made = make(context, makes_instance, &name, &during).await;
    progress.finish_and_clear();
    let address = made?;
    if makes_instance {
        let seconds = begun.elapsed().as_secs();
        let ui = context.ui;
        ui.step(
            "Created",
            format_args!("Memorystore instance {name} after {seconds} s"),
        );
    }
    Ok(address)
}

async fn make(
    context: &Context<'_>,
    makes_instance: bool,
    name: &str,
    during: &str,
) -> Outcome<Secret> {
    let (google, names) = (&context.google, &context.names);
    if makes_instance {
        create(context, name).await.during(during)?;
    }
    let path = format!("v1/{}/instances/{name}", names.location());
    let began = Instant::now();
    let mut pause = Duration::from_millis(50);
    loop {
        let instance = google.get(&method::INSTANCE_GET, &path).await;
        let instance: Instance = instance.during(during)?;
        check(&context.settings, names, name, &instance)?;
        if instance.state == READY {
            return read_address(google, &path, &instance).await.during(during);
        }
        if began.elapsed() > CREATING {
            let failure = Failure::new(format!("{during}: its state is {}", instance.state));
            return Err(failure.hint("run the same command again to wait for it"));
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Creates the instance and waits for the operation. An instance that exists counts as created.
async fn create(context: &Context<'_>, name: &str) -> Result<(), GoogleError> {
    let (google, names, settings) = (&context.google, &context.names, &context.settings);
    let body = Instance {
        name: format!("{}/instances/{name}", names.location()),
        // The smallest one. The ledger of thousands of users needs a few megabytes.
        tier: "BASIC".to_owned(),
        memory_size_gb: 1,
        labels: names.labels(),
        authorized_network: network(settings, names),
        auth_enabled: true,
        customer_managed_key: settings.encryption_key.clone().unwrap_or_default(),
        ..Instance::default()
    };
    let path = format!("v1/{}/instances", names.location());
    let request = Request {
        query: &[("instanceId", name)],
        ..Request::with_body(&path, &body)
    };
    let begun = context.made.begin(format!("Memorystore instance {name}"));
    let operation: Operation = match google.call(&method::INSTANCE_CREATE, request).await {
        Ok(operation) => operation,
        Err(GoogleError::Exists(_)) => {
            begun.not_made();
            return Ok(());
        }
        Err(google_error) => {
            begun.not_made();
            return Err(google_error);
        }
    };
    let path = |name: &str| format!("v1/{name}");
    let done = google.finish(&method::INSTANCE_OPERATION, path, operation, CREATING);
    done.await?;
    begun.done();
    Ok(())
}
