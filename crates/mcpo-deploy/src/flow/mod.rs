//! Runs one deployment from start to finish.

mod result;

use std::time::Instant;

use mcpo_common::{
    error::{Exit, Outcome},
    package::Package,
};
use serde_json::Value;

use self::result::{Deployed, finish};
use crate::{
    adoption::Adoption,
    apply::apply,
    args::DeployArgs,
    artifact::{Prepared, prepare},
    checked_release::CheckedRelease,
    commands,
    context::Context,
    domain::Domain,
    domain_setup::{self, Completed},
    export,
    google::api::run::Service,
    history,
    monitoring::{self, Existing, MonitoringPlan},
    owner_report::OwnerReport,
    plan::{self, Line, Observed, Plan},
    release::{self, Released},
    report,
    retention::{self, Cleaned, Cleanup, Inventory, NextRelease},
    shares,
    traffic::{self, CANARY_TAG, NEXT_TAG, Share, Wanted, serving},
    verify::{self, Address, Before, Verified},
};

/// A deployment after its plan was made.
struct Deployment<'a> {
    args: &'a DeployArgs,
    context: &'a Context<'a>,
    seen: &'a Observed,
    plan: &'a Plan,
    wanted: &'a Wanted,
    owner: OwnerReport,
    /// Domains that lead to the service although no setting names them.
    unused_domains: Vec<String>,
    /// How the new revision is checked; `None` if it serves all requests at once.
    checked: Option<CheckedRelease>,
    adoption: Option<Adoption>,
    /// The uptime check and the budget, and those that exist.
    monitoring: (MonitoringPlan, Existing),
    /// What is deleted when the release is complete.
    cleanup: Cleanup,
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
    if let Some(file) = &args.export {
        // Before the build, which may take minutes.
        export::Format::of(file)?;
    }
    let wanted = wanted(args);
    // Observe before the build, so that missing permissions show up early.
    let (google, settings, names) = (&context.google, &context.settings, &context.names);
    let inventory = Inventory::read(context, &disabled);
    let observed = Box::pin(plan::observe(google, settings, names, disabled.clone()));
    let existing = monitoring::find(context, &disabled);
    let unused_domains = async { Ok(context.unused_domains(&disabled).await) };
    let (seen, inventory, existing, unused_domains) =
        tokio::try_join!(observed, inventory, existing, unused_domains)?;
    let monitoring = MonitoringPlan::make(settings, names, &existing);
    if seen.service.is_some() {
        context.made.note_existing_service();
    }
    Adoption::check(args, context, &seen)?;
    domain_setup::check_reconnect(args, context, seen.service.as_ref())?;
    if let Some(domain) = &context.domain {
        domain_setup::check(context, domain)?;
    }
    report::left_over(context.ui, &seen);
    report::unknown_grants(context, &seen);
    domain_setup::print_left_over(context.ui, &unused_domains);
    let prepared = prepare(args, context, package, &seen).await?;
    let state = prepared.image_state();
    let mut plan = Plan::make(&context.settings, &context.names, &seen, state, &wanted)?;
    if let Some(file) = &args.export {
        let image = prepared.reference.as_deref();
        let image = image.map(|reference| (reference, prepared.is_there));
        return export::write(file, context, &seen, &plan, image, &wanted, args.json);
    }
    plan.attachments = prepared.attachments.lines();
    let checked = CheckedRelease::choose(args, context, &seen, &mut plan, &wanted)?;
    plan.domain = completed_domain(args, context).and_then(|domain| domain.line(context));
    let current = seen.service.as_ref();
    let cleanup = cleanup(context, &seen, &inventory, &plan, &prepared, &wanted);
    let size = prepared.image_size();
    let owner = OwnerReport::of(&context.settings, &context.names, current, size);
    owner.print_drift(context.ui);
    let lines = all_lines(context, &plan, &monitoring, &cleanup);
    report::plan(context, &lines);
    let adoption = Adoption::of(context, &seen, &plan);
    if let Some(adoption) = &adoption {
        adoption.print(context);
    }
    if args.dry_run {
        if let Some(domain) = completed_domain(args, context) {
            domain_setup::print_preview(context, domain);
        }
        owner.print_cost(context.ui);
        let add = |document: &mut Value| {
            owner.add_to(document);
            document["adoption"] = adoption.as_ref().map(Adoption::as_json).into();
            document["cleanup"] = Cleaned::default().as_json(&cleanup);
            document["domain"] = domain_setup::as_json(context);
            document["left_over_domains"] = unused_domains.into();
        };
        return Ok(report::dry_run_with(args.json, context, &lines, add));
    }
    if let Some(adoption) = &adoption
        && !adoption.is_confirmed(args, context).await?
    {
        context.ui.say("nothing was changed");
        return Ok(Exit::CouldNotRun);
    }
    let deployment = Deployment {
        args,
        context,
        seen: &seen,
        plan: &plan,
        wanted: &wanted,
        unused_domains,
        owner,
        checked,
        adoption,
        monitoring: (monitoring, existing),
        cleanup,
        began,
    };
    Box::pin(deployment.carry_out(prepared)).await
}

/// Returns the lines of the whole plan.
fn all_lines(
    context: &Context<'_>,
    plan: &Plan,
    monitoring: &MonitoringPlan,
    cleanup: &Cleanup,
) -> Vec<Line> {
    let mut lines = plan.lines();
    lines.extend(monitoring.lines());
    lines.extend(cleanup.lines(&context.settings));
    lines
}

/// Chooses what is deleted when the release is complete.
fn cleanup(
    context: &Context<'_>,
    seen: &Observed,
    inventory: &Inventory,
    plan: &Plan,
    prepared: &Prepared,
    wanted: &Wanted,
) -> Cleanup {
    // Before the first release, there is nothing to delete.
    for unknown in inventory.unknown.iter().filter(|_| seen.service.is_some()) {
        context.ui.warn(unknown);
    }
    let reference = prepared.reference.as_deref();
    let image = reference.and_then(|reference| reference.split_once('@'));
    let release = NextRelease {
        makes_revision: plan.makes_revision,
        share: wanted.share,
        image: image.map(|(_, digest)| digest),
    };
    let (keep, id) = (context.settings.keep_revisions, &context.names.service_id);
    retention::plan(keep, id, seen.service.as_ref(), inventory, Some(release))
}

impl Deployment<'_> {
    fn lines(&self) -> Vec<Line> {
        all_lines(self.context, self.plan, &self.monitoring.0, &self.cleanup)
    }

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
            let verified = probed(context, before.as_mut(), &address).await?;
            let outcome = Deployed {
                released: None,
                domain: self.complete_domain(before.as_mut(), &address).await?,
                verified,
                checks: Value::Null,
            };
            return finish(self, outcome, &address).await;
        }
        if let (Some(_), Some(before)) = (&self.checked, &before) {
            CheckedRelease::check_possible(context, before)?;
        }
        let released = Box::pin(self.release(prepared)).await?;
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
            domain: self.complete_domain(before.as_mut(), &address).await?,
            verified,
            checks,
        };
        finish(self, deployed, &address).await
    }

    /// Maps the custom domain, waits until it answers, and checks the revision there. The tokens from
    /// before the release must work at the domain, too.
    async fn complete_domain(
        &self,
        before: Option<&mut Before>,
        address: &Address,
    ) -> Outcome<Option<Completed>> {
        let context = self.context;
        let Some(domain) = completed_domain(self.args, context) else {
            return Ok(None);
        };
        if domain.is_serving() && domain.change(context).is_none() {
            return Ok(None);
        }
        let completed = domain_setup::complete(context, domain).await?;
        if completed.is_serving {
            let address = Address {
                base: domain.url(),
                ..address.clone()
            };
            let verified = probed(context, before, &address).await?;
            if let Some(verified) = verified {
                report::verified(context.ui, &verified);
            }
        }
        Ok(Some(completed))
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
            (Some(checked), _) => {
                Box::pin(apply(context, plan, seen, prepared, &checked.first)).await?
            }
            (None, _) => Box::pin(apply(context, plan, seen, prepared, self.wanted)).await?,
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

/// Returns the custom domain if this run must lead it to the service. Its clients must not reach a
/// revision that does not know it, so all requests must go to the new one.
fn completed_domain<'a>(args: &DeployArgs, context: &'a Context<'_>) -> Option<&'a Domain> {
    let domain = context.domain.as_ref();
    domain.filter(|_| share(args) == Share::Everything)
}

/// Returns the share and the tag of the new revision. A revision that does not serve all requests
/// gets a tag, so that it can be checked at its own address.
fn wanted(args: &DeployArgs) -> Wanted {
    let share = share(args);
    let default = match share {
        Share::Everything | Share::Kept | Share::Preview => None,
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
        _ => context.base_url(),
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
