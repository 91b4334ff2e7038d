//! Deploys a preview: plan → build → push → release without requests → remove old previews → verify.

use std::time::SystemTime;

use mcpo_common::{
    error::{Failure, Outcome},
    package::Package,
};

use super::{
    super::{Context, found, show_new_password},
    remove,
    report::{Deployed, finish},
};
use crate::{
    apply::apply,
    args::DeployArgs,
    artifact::prepare,
    labels::are_ours,
    plan::{self, Observed, Plan},
    preview::{Removal, Scope},
    release, report,
    traffic::{Share, Wanted},
    verify::{self, Address},
};

/// Deploys the preview that the names and settings of the context are for.
pub async fn deploy(
    args: &DeployArgs,
    context: &Context<'_>,
    package: &Package,
    disabled: Vec<&'static str>,
) -> Outcome {
    let seen = Box::pin(observe(args, context, disabled)).await?;
    context.made.note_existing_service();
    let wanted = Wanted {
        share: Share::Preview,
        tag: context.names.preview().map(str::to_owned),
    };
    let prepared = prepare(args, context, package, &seen).await?;
    let image = prepared.image_state();
    let plan = Plan::make(&context.settings, &context.names, &seen, image, &wanted)?;
    let mut removal = seen.preview.removal.clone();
    let current = seen.service.as_ref();
    if plan.makes_revision {
        let replaced = current.and_then(|it| it.latest_created_revision.as_deref());
        removal.add_replaced(replaced);
    }
    let mut lines = plan.lines();
    lines.extend(remove::lines(context, &removal));
    report::plan(context, &lines);
    if args.dry_run {
        return Ok(report::dry_run(args.json, context, &lines));
    }
    // The address of a tag is not behind a load balancer.
    let is_probed = !args.no_verify && verify::is_reachable(context);
    let mut before = if is_probed {
        Some(verify::before(context, &plan, &seen).await?)
    } else {
        None
    };
    let released = Box::pin(apply(context, &plan, &seen, prepared, &wanted)).await?;
    if plan.makes_revision {
        let url = context.names.base_url(&context.settings);
        context
            .ui
            .step("Released", format_args!("{} at {url}", released.revision));
    }
    // Show the password before any later step can fail.
    show_new_password(args.json, context, &plan, &seen).await?;
    // Someone else may have deployed an old preview again meanwhile.
    if !removal.is_empty() {
        removal.intersect(&planned_again(context).await?);
    }
    removal.keep(&released.revision);
    if let Err(failure) = remove::remove(context, &removal).await {
        context.ui.warn(format_args!(
            "an old preview was not removed, the next deployment of a preview tries again: {failure}"
        ));
    }
    let address = Address {
        base: context.names.base_url(&context.settings),
        revision: released.revision.clone(),
        is_released: true,
        undo: None,
    };
    let verified = match &mut before {
        Some(before) => Some(verify::verify(context, before, &address).await),
        None => None,
    };
    let deployed = Deployed {
        revision: released.revision,
        lines: &lines,
        is_unchanged: plan.changes_nothing() && removal.is_empty(),
        verified,
        before,
    };
    finish(context, args, deployed)
}

/// Plans again what is removed with this deployment.
async fn planned_again(context: &Context<'_>) -> Outcome<Removal> {
    let (google, names) = (&context.google, &context.names);
    let secrets = plan::all_secrets(google, names).await?.unwrap_or_default();
    let scope = Scope::Expired {
        days: context.settings.preview_max_age_days,
        except: names.preview().unwrap_or_default(),
    };
    Ok(match found(context).await? {
        Some(found) => Removal::plan(&found, &secrets, &scope, SystemTime::now()),
        None => Removal::default(),
    })
}

/// Reads the state. A release that is not in effect yet is waited for: a write of its old traffic would
/// undo it.
async fn observe(
    args: &DeployArgs,
    context: &Context<'_>,
    disabled: Vec<&'static str>,
) -> Outcome<Observed> {
    let names = &context.names;
    let read = || {
        let disabled = disabled.clone();
        Box::pin(plan::observe(
            &context.google,
            &context.settings,
            names,
            disabled,
        ))
    };
    let mut seen = read().await?;
    let Some(service) = &seen.service else {
        let what = format!("service {} does not exist", names.service_id);
        return Err(Failure::new(what).hint("deploy it first, without --preview"));
    };
    if !are_ours(&service.labels) {
        let what = format!("service {} was not created by mcpo", names.service_id);
        return Err(Failure::new(what).hint("take it over first: --adopt, without --preview"));
    }
    if service.reconciling && !args.dry_run {
        release::current(context).await?;
        seen = read().await?;
    }
    Ok(seen)
}
