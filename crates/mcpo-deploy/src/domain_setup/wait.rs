//! Creates the domain mapping after the release, and waits for its certificate.

use std::time::{Duration, Instant};

use mcpo_common::error::{Exit, Failure, Outcome};
use serde::de::IgnoredAny;

use super::{Completed, lines::Change, load_balancer, report};
use crate::{
    context::Context,
    domain::{Dns, Domain, Response, Route, State, dns, respond},
    google::{
        ErrorContext as _, GoogleError, Request,
        api::run::{DomainMapping, DomainMappingMetadata, DomainMappingSpec},
        method,
    },
};

/// How long Google may take to set up a new mapping.
const SETUP_TIMEOUT: Duration = Duration::from_secs(60);
/// How long mcpo waits for the certificate. Google needs about 15 minutes, and sometimes longer; the
/// same command continues to wait.
const CERTIFICATE_TIMEOUT: Duration = Duration::from_secs(15 * 60);
/// How long Google's front end may not know a new certificate.
const PROPAGATION: Duration = Duration::from_secs(120);
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
const AGAIN: &str = "run the same command again to check";

/// Creates the mapping if it is missing, and waits until the domain answers. Returns what remains to
/// be done if it does not.
pub async fn complete(context: &Context<'_>, domain: &Domain) -> Outcome<Completed> {
    let Route::Mapping(mapped) = &domain.route else {
        let is_serving = respond(context.google.http(), &domain.name).await == Response::Served;
        let remaining = if is_serving {
            Vec::new()
        } else {
            load_balancer::steps(context, &domain.name)
        };
        return Ok(Completed {
            is_serving,
            is_made: false,
            remaining,
        });
    };
    let change = domain.change(context);
    let mapping = match (change, &mapped.mapping) {
        // An earlier run was interrupted before Google had chosen the records.
        (None, Some(mapping)) if mapping.status.resource_records.is_empty() => {
            wait_for_records(context, &domain.name).await?
        }
        (None, Some(mapping)) => mapping.clone(),
        (change, _) => set_up(context, &domain.name, change == Some(Change::Recreate)).await?,
    };
    if change.is_some() {
        context.ui.step(
            "Mapped",
            format_args!("{} to {}", domain.name, context.names.service_id),
        );
    }
    let is_made = change.is_some();
    let obstacle = mapped.obstacle.as_deref();
    let remaining = certificate(context, &domain.name, mapping, obstacle).await?;
    Ok(Completed {
        is_serving: remaining.is_empty(),
        is_made,
        remaining,
    })
}

/// Creates the mapping and waits until it has records. Fails if Google refuses it.
async fn set_up(context: &Context<'_>, name: &str, is_again: bool) -> Outcome<DomainMapping> {
    let path = path(context, name);
    if is_again {
        let removed = context
            .google
            .call(&method::DOMAIN_MAPPING_DELETE, Request::to(&path))
            .await;
        match removed {
            Ok(IgnoredAny) | Err(GoogleError::NotFound(_)) => {}
            Err(error) => {
                return Err(error).during(format!("failed to delete the domain mapping of {name}"));
            }
        }
    }
    create(context, name).await?;
    wait_for_records(context, name).await
}

/// Waits until the mapping has records. Fails if Google refuses the mapping.
async fn wait_for_records(context: &Context<'_>, name: &str) -> Outcome<DomainMapping> {
    let path = path(context, name);
    let until = Instant::now() + SETUP_TIMEOUT;
    let mut pause = FIRST_PAUSE;
    loop {
        let found = context.google.get(&method::DOMAIN_MAPPING_GET, &path).await;
        let mapping: DomainMapping = found.during(during(name))?;
        match mapping.state() {
            State::Failed(condition) => return Err(refused(context, name, &condition.message)),
            State::Pending(_)
                if mapping.status.resource_records.is_empty() && Instant::now() < until => {}
            State::Pending(_) | State::Ready => return Ok(mapping),
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

fn refused(context: &Context<'_>, name: &str, message: &str) -> Failure {
    let cause = std::io::Error::other(message.to_owned());
    let hint = format!(
        "the service works at {}/mcp; correct the cause, then run the same command again",
        context.base_url()
    );
    Failure::new(format!("Google refused the domain mapping of {name}"))
        .because(&cause)
        .hint(hint)
        .exit_with(Exit::CheckFailed)
}

async fn create(context: &Context<'_>, name: &str) -> Outcome<()> {
    let names = &context.names;
    let mapping = DomainMapping {
        api_version: "domains.cloudrun.com/v1".to_owned(),
        kind: "DomainMapping".to_owned(),
        metadata: DomainMappingMetadata {
            name: name.to_owned(),
            namespace: names.project.clone(),
            labels: names.labels(),
        },
        spec: DomainMappingSpec {
            route_name: names.service_id.clone(),
            certificate_mode: "AUTOMATIC".to_owned(),
        },
        ..DomainMapping::default()
    };
    let begun = context.made.begin(format!("domain mapping {name}"));
    let parent = format!("v1/{}/domainmappings", names.location());
    let request = Request::with_body(&parent, &mapping);
    match context
        .google
        .call(&method::DOMAIN_MAPPING_CREATE, request)
        .await
    {
        Ok(IgnoredAny) => {
            begun.done();
            Ok(())
        }
        Err(GoogleError::Exists(message)) => {
            // The response to an earlier attempt of this run may have been lost.
            let found = context
                .google
                .find(&method::DOMAIN_MAPPING_GET, &path(context, name))
                .await;
            let found: Option<DomainMapping> = found.during(during(name))?;
            if found.is_some_and(|found| found.is_ours(names)) {
                begun.done();
                return Ok(());
            }
            begun.not_made();
            Err(GoogleError::Exists(message)).during(during(name))
        }
        Err(error) => {
            begun.not_made();
            Err(error).during(during(name))
        }
    }
}

/// Waits until the domain answers with its certificate. Returns what remains to be done if it does
/// not, as lines. Waits for the owner's records only if a person watches.
async fn certificate(
    context: &Context<'_>,
    name: &str,
    mapping: DomainMapping,
    obstacle: Option<&str>,
) -> Outcome<Vec<String>> {
    let http = context.google.http();
    let mut mapping = mapping;
    let until = Instant::now() + CERTIFICATE_TIMEOUT;
    let mut pause = FIRST_PAUSE;
    let mut progress = None;
    context.made.set_unfinished(Some(format!(
        "{name} is mapped to the service, but may have no certificate yet; {AGAIN}"
    )));
    while let State::Pending(message) = mapping.state() {
        let dns = match progress {
            None => dns::compare(http, name, &mapping.status.resource_records).await,
            Some(_) => Dns::Set,
        };
        if progress.is_none() {
            let lines = report::records(name, &mapping.status.resource_records, &dns, obstacle);
            if matches!(dns, Dns::Missing(_)) && !context.ui.is_terminal() {
                context.made.set_unfinished(None);
                return Ok(pending(message, lines));
            }
            report::print(context, name, &lines);
        }
        let text =
            format!("waiting for the certificate of {name} (Ctrl-C does no harm): {message}");
        let spinner = progress.get_or_insert_with(|| context.ui.spinner(text.clone()));
        spinner.set_message(text);
        if Instant::now() >= until {
            spinner.finish_and_clear();
            context.made.set_unfinished(None);
            let dns = dns::compare(http, name, &mapping.status.resource_records).await;
            let lines = report::records(name, &mapping.status.resource_records, &dns, obstacle);
            return Ok(pending(message, lines));
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
        let found = context
            .google
            .get(&method::DOMAIN_MAPPING_GET, &path(context, name))
            .await;
        mapping = found.during(during(name))?;
    }
    if let Some(spinner) = progress {
        spinner.finish_and_clear();
    }
    if let State::Failed(condition) = mapping.state() {
        context.made.set_unfinished(None);
        return Err(refused(context, name, &condition.message));
    }
    let remaining = match answer(context, name).await {
        Response::Served => Vec::new(),
        Response::Other(403) if context.settings.is_private => vec![
            "has a certificate; a private service is checked at its run.app address only"
                .to_owned(),
        ],
        Response::Other(status) => vec![format!(
            "has a certificate, but answers HTTP {status} instead of this server; {AGAIN}"
        )],
        Response::None(why) => vec![format!(
            "has a certificate, but does not answer yet: {why}; {AGAIN}"
        )],
    };
    context.made.set_unfinished(None);
    Ok(remaining)
}

/// Waits until the domain answers as this server. A private service never shows that.
async fn answer(context: &Context<'_>, name: &str) -> Response {
    let progress = context.ui.spinner(format!("waiting for https://{name}"));
    let until = Instant::now() + PROPAGATION;
    let mut pause = FIRST_PAUSE;
    let response = loop {
        let response = respond(context.google.http(), name).await;
        let is_final = match &response {
            Response::Served => true,
            Response::Other(403) => context.settings.is_private,
            Response::Other(_) | Response::None(_) => false,
        };
        if is_final || Instant::now() >= until {
            break response;
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    };
    progress.finish_and_clear();
    response
}

/// Returns the lines for a domain without a certificate.
fn pending(message: &str, records: Vec<String>) -> Vec<String> {
    let first = match message {
        "" => format!("has no certificate yet; {AGAIN}"),
        message => format!("has no certificate yet ({message}); {AGAIN}"),
    };
    std::iter::once(first).chain(records).collect()
}

fn path(context: &Context<'_>, name: &str) -> String {
    format!("v1/{}/domainmappings/{name}", context.names.location())
}

fn during(name: &str) -> String {
    format!("failed to map the domain {name}")
}
