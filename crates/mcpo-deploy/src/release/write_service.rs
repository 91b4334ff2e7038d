//! Sends the request that creates or changes the service.

use std::time::{Duration, Instant};

use crate::{
    context::Context,
    google::{
        GoogleError, Request,
        api::{Operation, run::Service},
        method,
    },
    plan::{self, managed_mask},
};

/// How long Cloud Run may not know a new service account.
const ACCOUNT_PROPAGATION: Duration = Duration::from_secs(90);

/// Writes the service. Retries while Cloud Run does not know an account that this run created.
pub async fn write_when_known(
    context: &Context<'_>,
    current: Option<&Service>,
    body: &Service,
    makes_account: bool,
) -> Result<Written, GoogleError> {
    let until = Instant::now() + ACCOUNT_PROPAGATION;
    let account = context.names.account(&context.settings);
    loop {
        match write(context, current, body).await {
            Err(google_error)
                if makes_account
                    && Instant::now() < until
                    && is_about_account(&google_error, &account) =>
            {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            written => return written,
        }
    }
}

/// Returns true if Cloud Run does not know the account yet, or does not know yet who may act as it.
fn is_about_account(google_error: &GoogleError, account: &str) -> bool {
    let text = google_error.to_string();
    text.contains(account) && (text.contains("does not exist") || text.contains("may not exist"))
}

/// The result of a write.
pub enum Written {
    Now(Operation),
    /// An earlier attempt of this run, whose response was lost, has written the service.
    Before,
    /// Someone else wrote the service at the same time. The message is Google's refusal.
    Lost {
        winner: Box<Service>,
        message: String,
    },
}

/// Sends the request.
async fn write(
    context: &Context<'_>,
    current: Option<&Service>,
    body: &Service,
) -> Result<Written, GoogleError> {
    let names = &context.names;
    let begun = current
        .is_none()
        .then(|| context.made.begin(format!("service {}", names.service_id)));
    let sent = match current {
        None => {
            let path = format!("v2/{}/services", names.location());
            let query = [("serviceId", names.service_id.as_str())];
            let request = Request {
                query: &query,
                ..Request::with_body(&path, body)
            };
            context.google.call(&method::SERVICE_CREATE, request).await
        }
        Some(current) => {
            let path = format!("v2/{}", names.service());
            let removed = plan::removed(current, body);
            let passed = plan::service_fields(body.passed.keys().chain(&removed));
            let mask = managed_mask(&passed);
            let mask = match &body.template {
                Some(_) => &*mask,
                None => mask.trim_start_matches("template,"),
            };
            let query = [("updateMask", mask)];
            let body = Service {
                etag: current.etag.clone(),
                ..body.clone()
            };
            let request = Request {
                query: &query,
                ..Request::with_body(&path, &body)
            };
            context.google.call(&method::SERVICE_PATCH, request).await
        }
    };
    match sent {
        Ok(operation) => {
            if let Some(begun) = begun {
                begun.done();
            }
            Ok(Written::Now(operation))
        }
        Err(GoogleError::Conflict(message) | GoogleError::Exists(message)) => {
            // The response to an earlier attempt of this run may have been lost.
            let found = context
                .google
                .get(&method::SERVICE_GET, &format!("v2/{}", names.service()))
                .await;
            let found: Service = found?;
            if is_revision_of(body, &found) {
                if let Some(begun) = begun {
                    begun.done();
                }
                return Ok(Written::Before);
            }
            if let Some(begun) = begun {
                begun.not_made();
            }
            Ok(Written::Lost {
                winner: Box::new(found),
                message,
            })
        }
        Err(google_error) => {
            if let Some(begun) = begun {
                begun.not_made();
            }
            Err(google_error)
        }
    }
}

/// Returns true if both services have the same revision name.
fn is_revision_of(wanted: &Service, found: &Service) -> bool {
    let name = |service: &Service| service.template.as_ref().map(|it| it.revision.clone());
    let wanted = name(wanted).filter(|name| !name.is_empty());
    wanted.is_some() && wanted == name(found)
}
