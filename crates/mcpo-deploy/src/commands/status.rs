//! Prints the state of the service.

use mcpo_common::error::{Exit, Outcome};
use serde_json::json;

use super::{Context, existing_with_previews, revisions};
use crate::{
    domain_setup,
    drift::{self, Drift},
    google::api::run::Revision,
    preview::list,
    shares::main_of,
    supply_chain::{Attached, attached},
    traffic::{serving, tags},
};

/// Prints the service's revisions. A service that is not ready exits like a failed check.
pub async fn status(context: &Context<'_>, as_json: bool, disabled: &[&str]) -> Outcome {
    let found = existing_with_previews(context).await?;
    let previews = list(&found);
    let service = found.service;
    let revisions = revisions(context).await?;
    let unused_domains = context.unused_domains(disabled).await;
    let serving = serving(&service);
    let tags = tags(&service);
    let of = |name: &str| -> Vec<&str> {
        let found = tags.iter().filter(|(_, revision)| revision == name);
        found.map(|(tag, _)| tag.as_str()).collect()
    };
    let drift = drift::find(&service);
    let attached = attached_to_serving(context, &revisions, main_of(&serving)).await;
    let condition = &service.terminal_condition;
    let is_good = condition.is_met();
    let url = format!("{}/mcp", context.base_url());
    if as_json {
        let revisions: Vec<_> = revisions
            .iter()
            .map(|revision| {
                let name = revision.short_name();
                let share = serving.iter().find(|(one, _)| *one == name).map_or(0, |(_, share)| *share);
                json!({ "name": name, "percent": share, "ready": revision.is_ready(), "created": revision.create_time, "tags": of(name) })
            })
            .collect();
        let statuses = &service.traffic_statuses;
        let summary = json!({
            "schema": 1, "service": context.names.service_id,
            "environment": context.settings.environment, "url": url, "ready": is_good,
            "message": condition.message, "revisions": revisions, "traffic": (!statuses.is_empty()).then_some(statuses),
            "drift": drift.as_ref().map(Drift::as_json),
            "attachments": attached.as_ref().map(Attached::as_json),
            "domain": domain_setup::as_json(context), "left_over_domains": unused_domains,
            "previews": previews.iter().map(|preview| preview.as_json(&context.names)).collect::<Vec<_>>(),
        });
        context.ui.result(format_args!("{summary:#}"));
    } else {
        context
            .ui
            .result(format_args!("{}  {url}", context.names.service_id));
        if let Some(environment) = &context.settings.environment {
            context
                .ui
                .result(format_args!("  environment {environment}"));
        }
        let state = if is_good {
            "ready"
        } else {
            condition.message.as_deref().unwrap_or("not ready")
        };
        context.ui.result(format_args!("  {state}"));
        if let Some(attached) = &attached {
            context.ui.result(format_args!("  {}", attached.line()));
        }
        print_domains(context, &unused_domains);
        print_drift(context, drift.as_ref());
        for preview in &previews {
            context
                .ui
                .result(format_args!("  {}", preview.line(&context.names)));
        }
        let is_shown = |(index, revision): &(usize, &Revision)| {
            let name = revision.short_name();
            *index < 10 || !of(name).is_empty() || serving.iter().any(|(one, _)| *one == name)
        };
        for (_, revision) in revisions.iter().enumerate().filter(is_shown) {
            let name = revision.short_name();
            let share = serving
                .iter()
                .find(|(one, _)| *one == name)
                .map_or(0, |(_, share)| *share);
            let mark = if revision.is_ready() {
                ""
            } else {
                "  never became ready"
            };
            let tagged = of(name);
            let tagged: Vec<_> = tagged
                .iter()
                .map(|tag| format!("  {tag}: {}/mcp", context.names.tag_url(tag)))
                .collect();
            let created = revision.create_time.as_deref().unwrap_or_default();
            context.ui.result(format_args!(
                "  {share:>3} %  {name}  {}{mark}{}",
                created.get(..16).unwrap_or(created),
                tagged.concat()
            ));
        }
    }
    Ok(if is_good {
        Exit::Success
    } else {
        Exit::CheckFailed
    })
}

fn print_drift(context: &Context<'_>, drift: Option<&Drift>) {
    let Some(drift) = drift else {
        return;
    };
    let (headline, changes) = drift.lines();
    context.ui.result(format_args!("  {headline}"));
    for change in changes {
        context.ui.result(format_args!("    ! {change}"));
    }
}

fn print_domains(context: &Context<'_>, unused: &[String]) {
    if let Some(domain) = &context.domain {
        let (name, state) = (&domain.name, domain_setup::state(domain));
        context.ui.result(format_args!("  https://{name} {state}"));
        for line in domain_setup::missing_records(domain) {
            context.ui.result(format_args!("    {line}"));
        }
    }
    for domain in unused {
        context.ui.result(format_args!(
            "  domain mapping {domain} is left over: no setting names it"
        ));
    }
}

/// Returns what is attached to the image of the revision that serves most requests. If the registry
/// cannot be read, the rest of the state is still shown.
async fn attached_to_serving(
    context: &Context<'_>,
    revisions: &[Revision],
    serving: Option<&str>,
) -> Option<Attached> {
    let mut revisions = revisions.iter();
    let revision = revisions.find(|revision| Some(revision.short_name()) == serving)?;
    let image = &revision.containers.first()?.image;
    let key = context.settings.supply_chain.key.as_deref();
    match attached(&context.google, image, key).await {
        Ok(attached) => attached,
        Err(failure) => {
            context.ui.warn(format_args!(
                "the attachments of the image are unknown: {}",
                failure.what()
            ));
            None
        }
    }
}
