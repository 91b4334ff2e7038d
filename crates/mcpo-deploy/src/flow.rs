//! Runs one deployment from start to finish.

use std::time::Instant;

use mcpo_common::{
    error::{Exit, Failure, Outcome},
    package::Package,
};
use serde_json::{Map, Value};

use crate::{
    apply::apply,
    args::DeployArgs,
    artifact::{Prepared, prepare},
    checked_release::CheckedRelease,
    commands,
    context::Context,
    google::api::run::Service,
    history,
    labels::are_ours,
    owner_report::OwnerReport,
    plan::{self, ImageState, Observed, Plan},
    release::{self, Released},
    report,
    settings::PASSWORD,
    shares,
    traffic::{self, NEXT_TAG, Share, Wanted, serving},
    verify::{self, Address, Before, Verified},
};

/// The default tag of a revision that serves a part of the requests.
const CANARY_TAG: &str = "canary";

/// A deployment after its plan was made.
struct Deployment<'a> {
    args: &'a DeployArgs,
    context: &'a Context<'a>,
    seen: &'a Observed,
    plan: &'a Plan,
    wanted: &'a Wanted,
    owner: OwnerReport,
    /// How the new revision is checked; `None` if it serves all requests at once.
    checked: Option<CheckedRelease>,
    began: Instant,
}

/// Plan → build → push → release → verify.
pub async fn deploy(
    args: &DeployArgs,
    context: &Context<'_>,
    package: &Package,
    disabled: Vec<&'static str>,
) -> Outcome {
    let began = Instant::now();
    let wanted = wanted(args);
    // Observe before the build, so that missing permissions show up early.
    let seen = plan::observe(&context.google, &context.settings, &context.names, disabled).await?;
    if seen.service.is_some() {
        context.made.note_existing_service();
    }
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
    let mut plan = Plan::make(&context.settings, &context.names, &seen, state, &wanted)?;
    let checked = CheckedRelease::choose(args, context, &seen, &mut plan, &wanted)?;
    let current = seen.service.as_ref();
    let size = prepared.image_size();
    let owner = OwnerReport::of(&context.settings, &context.names, current, size);
    owner.print_drift(context.ui);
    report::plan(context, &plan.lines());
    if args.dry_run {
        owner.print_cost(context.ui);
        let add = |document: &mut Value| owner.add_to(document);
        return Ok(report::dry_run_with(args.json, context, &plan.lines(), add));
    }
    let deployment = Deployment {
        args,
        context,
        seen: &seen,
        plan: &plan,
        wanted: &wanted,
        owner,
        checked,
        began,
    };
    deployment.carry_out(prepared).await
}

impl Deployment<'_> {
    async fn carry_out(&self, prepared: Prepared) -> Outcome {
        let (context, plan, seen) = (self.context, self.plan, self.seen);
        let is_probed = !self.args.no_verify && verify::is_reachable(context);
        let mut before = if is_probed {
            Some(verify::before(context, plan, seen).await?)
        } else {
            None
        };
        let is_starting = |service: &Service| service.reconciling;
        if plan.changes_nothing() && !seen.service.as_ref().is_some_and(is_starting) {
            commands::show_new_password(self.args.json, context, plan, seen).await?;
            // A service that failed its checks before may still be broken, although nothing has
            // changed.
            let newest = seen.service.as_ref().map_or("", Service::latest_created);
            let address = address(context, self.wanted, newest, seen);
            let outcome = Deployed {
                released: None,
                verified: probed(context, before.as_mut(), &address).await?,
                checks: Value::Null,
            };
            return finish(self, outcome, &address).await;
        }
        if let (Some(_), Some(before)) = (&self.checked, &before) {
            CheckedRelease::check_possible(context, before)?;
        }
        let released = self.release(prepared).await?;
        // Show the password before any later step can fail.
        commands::show_new_password(self.args.json, context, plan, seen).await?;
        let address = address(context, self.wanted, &released.revision, seen);
        let (verified, checks) = match (&self.checked, &mut before) {
            (Some(checked), Some(before)) => {
                let checked = checked.run(context, before, &released, self.began).await?;
                (Some(checked.last), checked.report)
            }
            (_, before) => {
                let verified = probed(context, before.as_mut(), &address).await?;
                (verified, Value::Null)
            }
        };
        let deployed = Deployed {
            released: Some(released),
            verified,
            checks,
        };
        finish(self, deployed, &address).await
    }

    /// Makes the changes of the plan, or continues those of an earlier run.
    async fn release(&self, prepared: Prepared) -> Outcome<Released> {
        let (context, plan, seen) = (self.context, self.plan, self.seen);
        let compiling = prepared.built;
        let released = match (&self.checked, &seen.service) {
            // An earlier run was interrupted while it waited for the revision.
            (_, current) if plan.changes_nothing() => {
                release::settle(context, current.as_ref()).await?
            }
            (Some(checked), Some(current)) if plan.changes_only_traffic() => {
                checked.resume(context, current).await?
            }
            (Some(checked), _) => apply(context, plan, seen, prepared, &checked.first).await?,
            (None, _) => apply(context, plan, seen, prepared, self.wanted).await?,
        };
        let own = self.began.elapsed().saturating_sub(compiling);
        let revision = &released.revision;
        let share = match &self.checked {
            Some(_) if traffic::share_of(&released.service, revision) == 0 => " without requests",
            _ => "",
        };
        context.ui.step(
            "Released",
            format_args!("{revision}{share} after {}", report::seconds(own)),
        );
        Ok(released)
    }
}

/// What a deployment has done.
struct Deployed {
    /// `None` if nothing changed.
    released: Option<Released>,
    /// `None` if the service was not verified.
    verified: Option<Verified>,
    /// The checks of a checked release, for the JSON report.
    checks: Value,
}

/// Returns the share and the tag of the new revision. A revision that does not serve all requests
/// gets a tag, so that it can be checked at its own address.
fn wanted(args: &DeployArgs) -> Wanted {
    let share = share(args);
    let default = match share {
        Share::Everything | Share::Kept => None,
        Share::Nothing => Some(NEXT_TAG.to_owned()),
        Share::Percent(_) => Some(CANARY_TAG.to_owned()),
    };
    Wanted {
        share,
        tag: args.tag.clone().or(default),
    }
}

/// Returns the address at which `revision` is checked: its tag's address, unless it serves all
/// requests.
fn address(context: &Context<'_>, wanted: &Wanted, revision: &str, seen: &Observed) -> Address {
    let undo = seen.service.as_ref().and_then(|current| {
        let others = shares::without(&serving(current), revision);
        let main = shares::main_of(&others).map(str::to_owned);
        main.or_else(|| {
            let mut served = history::served(current);
            served.retain(|name| name != revision);
            served.pop()
        })
    });
    let base = match (&wanted.tag, wanted.share) {
        (Some(tag), Share::Nothing | Share::Percent(_)) => context.names.tag_url(tag),
        _ => context.names.base_url(&context.settings),
    };
    Address {
        base,
        revision: revision.to_owned(),
        is_released: true,
        undo: Some(context.invocation.with(&match undo {
            Some(name) => format!("--rollback {name}"),
            None => "--rollback".to_owned(),
        })),
    }
}

/// Verifies the revision if it can be reached, and accepts its contract.
async fn probed(
    context: &Context<'_>,
    before: Option<&mut Before>,
    address: &Address,
) -> Outcome<Option<Verified>> {
    let Some(before) = before else {
        return Ok(None);
    };
    let verified = verify::verify(context, before, address).await?;
    verify::accept(context, &verified)?;
    Ok(Some(verified))
}

const fn share(args: &DeployArgs) -> Share {
    match (args.no_traffic, args.canary) {
        (true, _) => Share::Nothing,
        (false, Some(percent)) => Share::Percent(percent),
        (false, None) => Share::Everything,
    }
}

/// Fails if mcpo did not create the existing service, unless `--adopt` is given.
fn check_owner(args: &DeployArgs, context: &Context<'_>, seen: &Observed) -> Outcome<()> {
    let Some(service) = &seen.service else {
        return Ok(());
    };
    if are_ours(&service.labels) {
        return Ok(());
    }
    if args.adopt {
        let is_empty = |scaling: &Value| scaling.as_object().is_none_or(Map::is_empty);
        if let Some(scaling) = service.scaling.as_ref().filter(|it| !is_empty(it)) {
            context.ui.warn(format_args!(
                "the service-level scaling is kept in addition to min-instances and max-instances: {scaling}"
            ));
        }
        return Ok(());
    }
    let names = &context.names;
    Err(Failure::new(format!(
        "service {} in {} already exists and was not created by mcpo",
        names.service_id, names.region
    ))
    .hint("choose another name with --service, or take over the existing service with --adopt"))
}

/// Reports the result and the remaining steps.
async fn finish(deployment: &Deployment<'_>, deployed: Deployed, address: &Address) -> Outcome {
    let Deployment {
        args,
        context,
        plan,
        seen,
        owner,
        ..
    } = deployment;
    let Deployed {
        released,
        verified,
        checks,
    } = deployed;
    let names = &context.names;
    let url = format!("{}/mcp", names.base_url(&context.settings));
    if released.is_none() {
        context.ui.step(
            "Unchanged",
            format_args!("{} is up to date; nothing to do", names.service_id),
        );
    }
    if let Some(verified) = &verified
        && checks.is_null()
    {
        report::verified(context.ui, verified);
    }
    if released.is_some() {
        owner.print_cost(context.ui);
    }
    let is_partial = share(args) != Share::Everything;
    if args.json {
        let password = commands::new_password(context, plan, seen).await?;
        let outcome = if released.is_some() {
            "deployed"
        } else {
            "unchanged"
        };
        let mut summary = report::plan_as_json(context, &plan.lines(), outcome);
        owner.add_to(&mut summary);
        summary["left_over"] = seen.left_over.clone().into();
        summary["revision"] = released.map(|released| released.revision).into();
        summary["verified_revision"] = verified
            .as_ref()
            .filter(|verified| verified.is_complete)
            .map(|verified| verified.revision.clone())
            .into();
        let changes = verified
            .as_ref()
            .and_then(|verified| verified.contract_changes.clone());
        summary["contract_changes"] = serde_json::json!(changes);
        summary["verified"] = verified.map(|verified| verified.summary).into();
        summary["checked"] = checks;
        summary["tag_url"] = is_partial.then(|| format!("{}/mcp", address.base)).into();
        summary["password_secret"] = password.map(|_| context.names.secret_id(PASSWORD)).into();
        context.ui.result(summary);
        return Ok(Exit::Success);
    }
    if seen.service.is_none() || plan.to_show.is_some() {
        report::next_steps(context.ui, &names.service_id);
    }
    if is_partial {
        report::after_a_part(context, address);
        context.ui.result(format_args!("{}/mcp", address.base));
        return Ok(Exit::Success);
    }
    context.ui.result(&url);
    Ok(Exit::Success)
}
