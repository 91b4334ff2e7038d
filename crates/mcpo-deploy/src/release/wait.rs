//! Waits for a service and shows its conditions meanwhile.

use std::time::{Duration, Instant};

use mcpo_common::error::Outcome;
use serde_json::Value;

use super::failure;
use crate::{
    context::Context,
    google::{ErrorContext as _, GoogleError, method, outcome},
    traffic::serving,
};

/// How long to wait. Cloud Run gives up on a container after four minutes.
const READY_TIMEOUT: Duration = Duration::from_secs(600);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Waits until `revision` is ready. Fails with the reason if it does not become ready.
pub async fn until_ready(
    context: &Context<'_>,
    operation: Option<Value>,
    revision: &str,
    before: Option<&Value>,
) -> Outcome<Value> {
    let progress = context.ui.spinner(format!("starting {revision}"));
    let waited = wait(context, operation, |service| {
        progress.set_message(describe(service, revision));
    })
    .await;
    progress.finish_and_clear();
    match waited {
        Ok(service) if is_ready(&service) => Ok(service),
        Ok(service) => {
            let message = service["terminalCondition"]["message"]
                .as_str()
                .unwrap_or_default()
                .to_owned();
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
pub async fn wait_for_traffic(context: &Context<'_>, operation: Value) -> Outcome<Value> {
    let progress = context.ui.spinner("changing the traffic".to_owned());
    let waited = wait(context, Some(operation), |_| {}).await;
    progress.finish_and_clear();
    waited.during("failed to change the traffic")
}

async fn wait(
    context: &Context<'_>,
    mut operation: Option<Value>,
    say: impl Fn(&Value),
) -> Result<Value, GoogleError> {
    let began = Instant::now();
    let mut pause = Duration::from_millis(25);
    let path = format!("v2/{}", context.names.service());
    loop {
        if let Some(pending) = operation.take() {
            if pending["done"] == true {
                outcome(pending)?;
            } else {
                let name = pending["name"].as_str().unwrap_or_default();
                let looked = context
                    .google
                    .get(&method::RUN_OPERATION, &format!("v2/{name}"))
                    .await?;
                if looked["done"] == true {
                    outcome(looked)?;
                } else {
                    operation = Some(looked);
                }
            }
        }
        if operation.is_none() || context.ui.is_terminal() {
            let service = context.google.get(&method::SERVICE_GET, &path).await?;
            say(&service);
            if operation.is_none() && service["reconciling"] != true {
                return Ok(service);
            }
        }
        if began.elapsed() > READY_TIMEOUT {
            return Err(GoogleError::TimedOut(READY_TIMEOUT.as_secs()));
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

fn is_ready(service: &Value) -> bool {
    service["terminalCondition"]["state"] == "CONDITION_SUCCEEDED"
}

/// Returns the first condition that is not met, as Google describes it.
fn describe(service: &Value, revision: &str) -> String {
    let conditions = service["conditions"].as_array();
    let open: Vec<_> = conditions
        .into_iter()
        .flatten()
        .chain([&service["terminalCondition"]])
        .filter(|condition| condition["state"] != "CONDITION_SUCCEEDED")
        .filter_map(|condition| condition["message"].as_str().or(condition["type"].as_str()))
        .collect();
    match (open.first(), serving(service).first()) {
        (Some(first), Some((old, _))) => format!("{revision}: {first} ({old} keeps serving)"),
        (Some(first), None) => format!("{revision}: {first}"),
        _ => format!("{revision} is ready"),
    }
}
