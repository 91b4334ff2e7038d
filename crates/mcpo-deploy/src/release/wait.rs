//! Waits for a service and shows its conditions meanwhile.

use std::time::{Duration, Instant};

use mcpo_common::error::Outcome;

use super::failure;
use crate::{
    context::Context,
    google::{
        ErrorContext as _, GoogleError,
        api::{Operation, run::Service},
        method, outcome,
    },
    preview,
    shares::main_of,
    traffic::serving,
};

/// How long to wait. Cloud Run gives up on a container after four minutes.
const READY_TIMEOUT: Duration = Duration::from_secs(600);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Waits until `revision` is ready. Fails with the reason if it does not become ready.
pub async fn until_ready(
    context: &Context<'_>,
    operation: Option<Operation>,
    revision: &str,
    before: Option<&Service>,
) -> Outcome<Service> {
    let progress = context.ui.spinner(format!("starting {revision}"));
    let waited = wait(context, operation, |service| {
        progress.set_message(describe(service, revision));
    })
    .await;
    progress.finish_and_clear();
    match waited {
        Ok(service) if service.terminal_condition.is_met() => Ok(service),
        Ok(service) => {
            let message = service.terminal_condition.message.unwrap_or_default();
            Err(failure::explain(context, revision, &message, before).await)
        }
        Err(google_error) if google_error.blames_the_revision() => {
            Err(failure::explain(context, revision, &google_error.to_string(), before).await)
        }
        Err(google_error @ GoogleError::Operation { .. }) => {
            let failure = google_error.into_failure(format!("Google failed to release {revision}"));
            Err(match failure.hint_text().map(str::to_owned) {
                Some(next) => failure.hint(next),
                None => failure.hint(failure::still_serving(before)),
            })
        }
        Err(google_error) => Err(google_error).during(format!("failed to wait for {revision}")),
    }
}

/// Waits until a new traffic allocation is in effect.
pub async fn wait_for_traffic(
    context: &Context<'_>,
    operation: Option<Operation>,
) -> Outcome<Service> {
    let progress = context.ui.spinner("changing the traffic".to_owned());
    let waited = wait(context, operation, |_| {}).await;
    progress.finish_and_clear();
    waited.during("failed to change the traffic")
}

/// Waits until Google has applied all changes to the service.
pub async fn wait_for_changes(context: &Context<'_>) -> Outcome<Service> {
    let waited = wait(context, None, |_| {}).await;
    waited.during("failed to read the service")
}

async fn wait(
    context: &Context<'_>,
    mut operation: Option<Operation>,
    say: impl Fn(&Service),
) -> Result<Service, GoogleError> {
    let began = Instant::now();
    let mut pause = Duration::from_millis(25);
    let path = format!("v2/{}", context.names.service());
    loop {
        if let Some(pending) = operation.take() {
            if pending.done {
                outcome(pending)?;
            } else {
                let path = format!("v2/{}", pending.name);
                let looked = context.google.get(&method::RUN_OPERATION, &path).await;
                let looked: Operation = looked?;
                if looked.done {
                    outcome(looked)?;
                } else {
                    operation = Some(looked);
                }
            }
        }
        if operation.is_none() || context.ui.is_terminal() {
            let service: Service = context.google.get(&method::SERVICE_GET, &path).await?;
            say(&service);
            if operation.is_none() && !service.reconciling {
                return as_seen(context, service).await;
            }
        }
        if began.elapsed() > READY_TIMEOUT {
            return Err(GoogleError::TimedOut(READY_TIMEOUT.as_secs()));
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// A release must not take a preview for its own revision.
async fn as_seen(context: &Context<'_>, service: Service) -> Result<Service, GoogleError> {
    if context.names.preview().is_some() {
        return Ok(service);
    }
    let found = preview::complete(&context.google, &context.names, service);
    Ok(found.await?.service)
}

/// Returns the first condition that is not met, as Google describes it.
fn describe(service: &Service, revision: &str) -> String {
    let conditions = service.conditions.iter();
    let mut conditions = conditions.chain([&service.terminal_condition]);
    let open = conditions
        .find(|condition| !condition.is_met())
        .map(|condition| condition.message.as_deref().unwrap_or(&condition.kind));
    let old = serving(service);
    match (open, main_of(&old)) {
        (Some(open), Some(old)) => format!("{revision}: {open} ({old} keeps serving)"),
        (Some(open), None) => format!("{revision}: {open}"),
        _ => format!("{revision} is ready"),
    }
}
