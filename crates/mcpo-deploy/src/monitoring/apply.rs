//! Makes the changes of the plan.

use mcpo_common::error::Outcome;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::{
    Change, Existing, Kind, MonitoringPlan,
    bodies::{Bodies, References},
    find::account_for,
    name,
};
use crate::{
    context::Context,
    google::{ErrorContext as _, GoogleError, Request},
};

/// Makes all changes, in their order.
pub async fn apply(
    context: &Context<'_>,
    plan: &MonitoringPlan,
    existing: &Existing,
) -> Outcome<()> {
    let bodies = Bodies {
        settings: &context.settings,
        names: &context.names,
    };
    let mut references = existing.references(&bodies);
    for change in &plan.changes {
        match change {
            Change::Create(kind) => {
                let body = bodies.body(*kind, &references);
                let made = create(context, *kind, &body, existing).await?;
                note(*kind, made, &mut references);
                context.ui.step("Created", bodies.describe(*kind));
            }
            Change::Update { kind, name, fields } => {
                let body = bodies.body(*kind, &references);
                update(context, *kind, name, &body, fields).await?;
                context.ui.step("Updated", kind.what());
            }
            Change::Delete { kind, name } => {
                let path = kind.path(name);
                let deleted = context
                    .google
                    .call(&kind.delete(), Request::to(&path))
                    .await;
                match deleted {
                    Ok(IgnoredAny) | Err(GoogleError::NotFound(_)) => {}
                    Err(google_error) => {
                        let during = format!("failed to delete the {}", kind.what());
                        return Err(google_error).during(during);
                    }
                }
                context.ui.step("Deleted", kind.what());
            }
        }
    }
    Ok(())
}

fn note(kind: Kind, made: String, references: &mut References) {
    match kind {
        Kind::Channel => references.channel = made,
        Kind::Check => references.check = made,
        Kind::Policy | Kind::Budget => {}
    }
}

/// Returns the name that Google chose.
async fn create(
    context: &Context<'_>,
    kind: Kind,
    body: &Value,
    existing: &Existing,
) -> Outcome<String> {
    let parent = match (kind, &context.settings.budget) {
        // The API was disabled when the plan was made.
        (Kind::Budget, Some(budget)) if existing.billing_account.is_empty() => {
            account_for(context, budget).await?
        }
        (Kind::Budget, _) => existing.billing_account.clone(),
        (Kind::Channel | Kind::Check | Kind::Policy, _) => {
            format!("projects/{}", context.names.project)
        }
    };
    let path = kind.path(&format!("{parent}/{}", kind.collection()));
    let begun = context.made.begin(kind.what());
    let made = context
        .google
        .call(&kind.create(), Request::with_body(&path, body))
        .await;
    match made {
        Ok(made) => {
            begun.done();
            let made: Value = made;
            Ok(name(&made).to_owned())
        }
        Err(google_error) => {
            begun.not_made();
            Err(google_error).during(format!("failed to create the {}", kind.what()))
        }
    }
}

async fn update(
    context: &Context<'_>,
    kind: Kind,
    name: &str,
    body: &Value,
    fields: &[&str],
) -> Outcome<()> {
    let path = kind.path(name);
    let mask = fields.join(",");
    let request = Request {
        query: &[("updateMask", mask.as_str())],
        ..Request::with_body(&path, body)
    };
    let updated = context.google.call(&kind.patch(), request).await;
    updated
        .map(|IgnoredAny| ())
        .during(format!("failed to update the {}", kind.what()))
}
