//! Makes the changes of a plan.

use mcpo_common::error::Outcome;

use crate::{
    artifact::{Artifact, Prepared, push},
    context::Context,
    plan::{Observed, Plan, Versions},
    registry::Registry,
    release::{self, Released},
    remote, supply_chain,
    traffic::Wanted,
};

/// Makes the changes of the plan. Each step reuses what an earlier run created.
pub async fn apply(
    context: &Context<'_>,
    plan: &Plan,
    seen: &Observed,
    prepared: Prepared,
    wanted: &Wanted,
) -> Outcome<Released> {
    let released = make(context, plan, seen, prepared, wanted).await;
    let key = context.settings.encryption_key.as_deref();
    let number = context.names.number;
    released.map_err(|failure| release::explain_encryption(key, number, failure))
}

async fn make(
    context: &Context<'_>,
    plan: &Plan,
    seen: &Observed,
    prepared: Prepared,
    wanted: &Wanted,
) -> Outcome<Released> {
    release::enable(context, &plan.apis).await?;
    if context.names.preview().is_none() {
        release::check_public_access(context, seen.service.as_ref()).await?;
    }
    let image = async {
        release::repository(context, plan).await?;
        let registry = Registry::new(&context.google, &context.names);
        let reference = match (prepared.artifact, prepared.reference) {
            (_, Some(reference)) if prepared.is_there => reference,
            (Artifact::LocalImage(image), _) => push(context, &registry, &image, seen).await?,
            (Artifact::RemoteSource(source), _) => {
                registry.reference(&remote::build(context, source).await?)
            }
        };
        let digest = reference.rsplit('@').next().unwrap_or_default();
        supply_chain::attach(context, &registry, &prepared.attachments, digest).await?;
        Ok(reference)
    };
    let (versions, reference) =
        tokio::try_join!(release::identity_and_state(context, plan), image)?;
    let versions = all_versions(context, seen, &versions);
    if context.names.preview().is_some() {
        return release::release_preview(context, seen, &reference, &versions, wanted).await;
    }
    let current = seen.service.as_ref();
    if plan.service.is_empty() && plan.traffic.is_none() {
        // Only resources other than the service have changed.
        return release::settle(context, current).await;
    }
    release::release(
        context,
        current,
        &reference,
        &versions,
        wanted,
        plan.makes_account,
    )
    .await
}

/// Returns the existing versions of all secrets, and the new ones.
fn all_versions(
    context: &Context<'_>,
    seen: &Observed,
    made: &[(String, String, String)],
) -> Versions {
    let mut versions = Versions::default();
    for setting in &context.settings.secrets {
        let id = context.names.secret_of(setting);
        let latest = seen
            .secrets
            .get(&id)
            .and_then(|secret| secret.latest.clone());
        if let Some((version, _)) = latest {
            versions.set(&setting.variable, &id, &version);
        }
    }
    for (variable, id, version) in made {
        versions.set(variable, id, version);
    }
    versions
}
