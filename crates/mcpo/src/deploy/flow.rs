//! One deployment, from the settings to the last line.

use std::time::Instant;

use super::{
    args::DeployArgs,
    context::Context,
    plan::{self, ImageState, Observed, Plan, Versions},
    prepared::{Prepared, Work, prepare, push},
    registry::Registry,
    release::{self, Released},
    remote, report,
    settings::{PASSWORD, SignIn},
    traffic::{Share, Wanted},
    verbs,
    verify::{self, Before, Verified},
};
use crate::{
    error::{Exit, Failure, Outcome},
    package::Package,
    walk::Secret,
};

/// Plan → build → push → release → verify.
pub async fn deploy(
    args: &DeployArgs,
    context: &Context<'_>,
    package: &Package,
    disabled: Vec<&'static str>,
) -> Outcome {
    let began = Instant::now();
    let wanted = Wanted {
        share: share(args),
        tag: args.tag.clone(),
    };
    // A right that is missing shows before the build.
    let seen = plan::observe(&context.google, &context.settings, &context.names, disabled).await?;
    check_owner(args, context, &seen)?;
    report::left_over(context.ui, &seen);
    let prepared = prepare(args, context, package, &seen).await?;
    let state = match &prepared.reference {
        Some(reference) => ImageState::Known {
            reference,
            is_there: prepared.is_there,
        },
        None => ImageState::Unknown,
    };
    let plan = Plan::make(&context.settings, &context.names, &seen, state, &wanted)?;
    report::plan(context, &plan.lines());
    if args.dry_run {
        return Ok(report::dry_run(args.json, context, &plan.lines()));
    }
    let is_starting = |service: &serde_json::Value| service["reconciling"] == true;
    let is_walked = !args.no_verify && is_reachable(context) && share(args) != Share::Nothing;
    let before = if is_walked {
        Some(verify::before(context, &plan, &seen).await?)
    } else {
        None
    };
    if plan.is_empty() && !seen.service.as_ref().is_some_and(is_starting) {
        // What failed its walk before is not as it should be because nothing was changed.
        let verified = walked(context, before).await?;
        return finish(args, context, &plan, &seen, None, verified).await;
    }
    let compiling = prepared.built;
    let released = if plan.is_empty() {
        // An earlier run was interrupted while it waited.
        release::settle(context, seen.service.as_ref()).await?
    } else {
        carry_out(context, &plan, &seen, prepared, &wanted).await?
    };
    let own = began.elapsed().saturating_sub(compiling);
    context.ui.step(
        "Released",
        format_args!("{} after {}", released.revision, report::seconds(own)),
    );
    // Before anything else can go wrong: a later run does not show it again.
    let password = password_to_show(context, &plan, &seen).await?;
    if let Some(password) = password.filter(|_| !args.json) {
        report::password(context.ui, &password, &context.names.secret_id(PASSWORD));
    }
    let verified = walked(context, before).await?;
    finish(args, context, &plan, &seen, Some(released), verified).await
}

async fn walked(context: &Context<'_>, before: Option<Before>) -> Outcome<Option<Verified>> {
    match before {
        Some(before) => verify::verify(context, before).await.map(Some),
        None => Ok(None),
    }
}

/// What is let in from inside only cannot be walked from here.
fn is_reachable(context: &Context<'_>) -> bool {
    let is_reachable = context.settings.is_reachable();
    if !is_reachable {
        context.ui.warn(
            "not verified: with this ingress, the service answers from inside of Google Cloud only",
        );
    }
    is_reachable
}

const fn share(args: &DeployArgs) -> Share {
    match (args.no_traffic, args.canary) {
        (true, _) => Share::Nothing,
        (false, Some(percent)) => Share::Percent(percent),
        (false, None) => Share::Everything,
    }
}

/// A service that somebody else made is not overwritten by accident.
fn check_owner(args: &DeployArgs, context: &Context<'_>, seen: &Observed) -> Outcome<()> {
    let Some(service) = &seen.service else {
        return Ok(());
    };
    if args.adopt || service["labels"][plan::LABEL.0] == plan::LABEL.1 {
        return Ok(());
    }
    let names = &context.names;
    Err(Failure::new(format!(
        "there is a service {} in {} that mcpo did not make",
        names.service_id, names.region
    ))
    .hint("choose another name with --service, or take it over with --adopt"))
}

async fn carry_out(
    context: &Context<'_>,
    plan: &Plan,
    seen: &Observed,
    prepared: Prepared,
    wanted: &Wanted,
) -> Outcome<Released> {
    release::enable(context, &plan.apis).await?;
    let image = async {
        release::repository(context, plan).await?;
        match (prepared.work, prepared.reference) {
            (_, Some(reference)) if prepared.is_there => Ok(reference),
            (Work::Here(image), _) => push(context, &image, seen).await,
            (Work::There(source), _) => {
                let digest = remote::build(context, source).await?;
                Ok(Registry::new(&context.google, &context.names).reference(&digest))
            }
        }
    };
    let (versions, reference) =
        tokio::try_join!(release::identity_and_state(context, plan), image)?;
    let current = seen.service.as_ref();
    if plan.service.is_empty() {
        // What was changed lies beside it.
        return release::settle(context, current).await;
    }
    let versions = all_versions(context, seen, &versions);
    release::release(context, current, &reference, &versions, wanted).await
}

/// The versions that were there, and those that were made.
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

/// The password, if it was made by this run, or by an earlier one that never came to showing it.
async fn password_to_show(
    context: &Context<'_>,
    plan: &Plan,
    seen: &Observed,
) -> Outcome<Option<Secret>> {
    if context.settings.sign_in != SignIn::MadePassword {
        return Ok(None);
    }
    let mut changes = plan.secrets.iter();
    match changes.find(|secret| secret.variable == PASSWORD) {
        Some(made) => Ok(Some(made.value.clone())),
        None if seen.service.is_none() => verbs::read_password(context).await,
        None => Ok(None),
    }
}

/// Tells what came of it, and what is left to a person.
async fn finish(
    args: &DeployArgs,
    context: &Context<'_>,
    plan: &Plan,
    seen: &Observed,
    released: Option<Released>,
    verified: Option<Verified>,
) -> Outcome {
    let names = &context.names;
    let url = format!("{}/mcp", names.base_url(&context.settings));
    if released.is_none() {
        context.ui.step(
            "Unchanged",
            format_args!("{} is as it should be; nothing to do", names.service_id),
        );
    }
    match &verified {
        Some(verified) if verified.is_complete => context.ui.step("Verified", &verified.summary),
        Some(verified) => context
            .ui
            .warn(format_args!("verified only in part: {}", verified.summary)),
        None => {}
    }
    if args.json {
        let password = password_to_show(context, plan, seen).await?;
        let outcome = if released.is_some() {
            "deployed"
        } else {
            "unchanged"
        };
        let mut summary = report::plan_as_json(context, &plan.lines(), outcome);
        summary["left_over"] = seen.left_over.clone().into();
        summary["revision"] = released.map(|released| released.revision).into();
        summary["verified"] = verified.map(|verified| verified.summary).into();
        summary["password_secret"] = password.map(|_| context.names.secret_id(PASSWORD)).into();
        context.ui.result(summary);
        return Ok(Exit::Success);
    }
    if seen.service.is_none() {
        report::next_steps(context.ui, &names.service_id);
    }
    context.ui.result(&url);
    Ok(Exit::Success)
}
