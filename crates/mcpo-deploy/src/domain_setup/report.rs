//! Describes the custom domain for people and for scripts.

use mcpo_common::ui::Ui;
use serde_json::{Value, json};

use super::{Completed, load_balancer};
use crate::{
    context::Context,
    domain::{Dns, Domain, Mapped, Route, State},
    google::api::run::ResourceRecord,
};

/// Returns what the owner must add to DNS, and what is in the way, as lines.
pub fn records(
    name: &str,
    records: &[ResourceRecord],
    dns: &Dns,
    obstacle: Option<&str>,
) -> Vec<String> {
    let mut lines = Vec::new();
    match dns {
        Dns::Set => {}
        Dns::Missing(_) | Dns::Unknown => {
            lines.push(
                "add these records at the DNS provider of the domain, without a proxy:".to_owned(),
            );
            let record =
                |record: &ResourceRecord| format!("  {name}. {} {}", record.kind, record.rrdata);
            lines.extend(records.iter().map(record));
        }
    }
    if let Dns::Missing(others) = dns
        && !others.is_empty()
    {
        lines.push(format!("and remove these: {}", others.join(", ")));
    }
    lines.extend(obstacle.map(str::to_owned));
    lines
}

/// Prints what a deployment cannot change by itself, before it changes anything.
pub fn print_preview(context: &Context<'_>, domain: &Domain) {
    let lines = match &domain.route {
        _ if domain.is_serving() => return,
        Route::Mapping(mapped) if mapped.dns == Dns::Set && mapped.obstacle.is_none() => return,
        Route::Mapping(mapped) => of_mapping(&domain.name, mapped),
        Route::LoadBalancer => load_balancer::steps(context, &domain.name),
    };
    print(context, &domain.name, &lines);
}

/// Returns what the owner must add to DNS, as lines.
pub fn missing_records(domain: &Domain) -> Vec<String> {
    match &domain.route {
        Route::Mapping(mapped) if mapped.mapping.is_some() && !domain.is_serving() => {
            of_mapping(&domain.name, mapped)
        }
        Route::Mapping(_) | Route::LoadBalancer => Vec::new(),
    }
}

fn of_mapping(name: &str, mapped: &Mapped) -> Vec<String> {
    records(
        name,
        &mapped.records,
        &mapped.dns,
        mapped.obstacle.as_deref(),
    )
}

/// Prints lines about the domain.
pub fn print(context: &Context<'_>, name: &str, lines: &[String]) {
    let mut lines = lines.iter();
    if let Some(first) = lines.next() {
        context.ui.step("Domain", format_args!("{name}: {first}"));
    }
    for line in lines {
        context.ui.say(format_args!("             {line}"));
    }
}

/// Returns the state of the domain in one line.
pub fn state(domain: &Domain) -> String {
    let mapped = match &domain.route {
        _ if domain.is_serving() => return "leads to this service".to_owned(),
        Route::LoadBalancer => {
            return "needs a load balancer; does not lead to this service yet".to_owned();
        }
        Route::Mapping(mapped) => mapped,
    };
    match mapped.mapping.as_ref().map(|mapping| mapping.state()) {
        None => "is not mapped yet; deploy to create the mapping".to_owned(),
        Some(State::Ready) => {
            "has a certificate, and does not answer as this server yet".to_owned()
        }
        Some(State::Pending(message)) => format!("has no certificate yet: {message}"),
        Some(State::Failed(condition)) => format!("was refused by Google: {}", condition.message),
    }
}

/// Warns about domains that lead to the service although no setting names them.
pub fn print_left_over(ui: &Ui, domains: &[String]) {
    for domain in domains {
        ui.warn(format_args!(
            "domain mapping {domain} is left over: no setting names it; --delete removes it with \
             everything else"
        ));
    }
}

/// Returns the `domain` member of the report of a deployment.
pub fn as_json_after(context: &Context<'_>, completed: Option<&Completed>) -> Value {
    let mut domain = as_json(context);
    if let Some(Completed {
        is_serving,
        remaining,
        ..
    }) = completed
    {
        domain["mapped"] = domain["route"].eq("domain mapping").into();
        domain["serving"] = (*is_serving).into();
        domain["state"] = match remaining.first() {
            Some(first) => first.clone().into(),
            None => "leads to this service".into(),
        };
        domain["remaining"] = remaining.clone().into();
        if *is_serving && domain["mapped"] == true {
            domain["certificate"] = true.into();
        }
    }
    domain
}

/// Returns the `domain` member of the JSON reports; null without a custom domain.
pub fn as_json(context: &Context<'_>) -> Value {
    let Some(domain) = &context.domain else {
        return Value::Null;
    };
    let (route, mapped) = match &domain.route {
        Route::Mapping(mapped) => ("domain mapping", Some(mapped)),
        Route::LoadBalancer => ("load balancer", None),
    };
    let mapping = mapped.and_then(|mapped| mapped.mapping.as_ref());
    json!({
        "name": domain.name,
        "route": route,
        "mapped": mapping.is_some(),
        "certificate": mapping.map(|mapping| mapping.state() == State::Ready),
        "serving": domain.is_serving(),
        "state": state(domain),
        "records": mapped.map(|mapped| &mapped.records),
        "left_over": domain.left_over,
    })
}
