//! The end of a deployment: what happens after the release, and the report.

use mcpo_common::error::{Exit, Outcome};
use serde_json::{Value, json};

use super::{Deployment, share};
use crate::{
    adoption::Adoption,
    commands,
    domain_setup::{self, Completed},
    monitoring,
    release::Released,
    report,
    retention::{self, Cleaned},
    settings::PASSWORD,
    traffic::Share,
    verify::{Address, Verified},
};

/// What a deployment has done.
pub struct Deployed {
    /// `None` if nothing changed.
    pub released: Option<Released>,
    /// `None` if there is no custom domain, or if it answered already.
    pub domain: Option<Completed>,
    /// `None` if the service was not verified.
    pub verified: Option<Verified>,
    /// The checks of a checked release, for the JSON report.
    pub checks: Value,
}

impl Deployed {
    fn is_mapped(&self) -> bool {
        self.domain.as_ref().is_some_and(|domain| domain.is_made)
    }

    fn changed_service(&self) -> bool {
        self.released.is_some() || self.is_mapped()
    }
}

/// Updates the monitoring, deletes what is not needed any more, and reports the result and the
/// remaining steps.
pub async fn finish(deployment: &Deployment<'_>, deployed: Deployed, address: &Address) -> Outcome {
    let Deployment {
        args,
        context,
        plan,
        seen,
        owner,
        ..
    } = deployment;
    let names = &context.names;
    let (monitoring, existing) = &deployment.monitoring;
    if !deployed.changed_service() {
        let rest = if deployment.cleanup.is_empty() && monitoring.is_empty() {
            "; nothing to do"
        } else {
            ""
        };
        let what = format_args!("{} is up to date{rest}", names.service_id);
        context.ui.step("Unchanged", what);
    }
    if let Some(verified) = &deployed.verified
        && deployed.checks.is_null()
    {
        report::verified(context.ui, verified);
    }
    if deployed.released.is_some() {
        owner.print_cost(context.ui);
    }
    let monitored = Box::pin(monitoring::apply(context, monitoring, existing)).await;
    let cleaned = Box::pin(retention::carry_out(context, &deployment.cleanup)).await;
    let mut url = format!("{}/mcp", context.base_url());
    if let (Some(custom), Some(completed)) = (&context.domain, &deployed.domain) {
        domain_setup::print(context, &custom.name, &completed.remaining);
        if completed.is_serving {
            url = format!("{}/mcp", custom.url());
        }
    }
    // The release is complete, so its result is reported also if the monitoring failed.
    let exit = match monitored {
        Ok(()) => Exit::Success,
        Err(failure) => {
            let what = format_args!("the monitoring is not complete: {failure}");
            context.ui.warn(what);
            failure.exit()
        }
    };
    let is_partial = share(args) != Share::Everything;
    if args.json {
        let password = commands::new_password(context, plan, seen).await?;
        let mut document = as_json(deployment, &deployed, &cleaned);
        document["url"] = url.into();
        document["tag_url"] = is_partial.then(|| format!("{}/mcp", address.base)).into();
        document["password_secret"] = password.map(|_| names.secret_id(PASSWORD)).into();
        context.ui.result(document);
        return Ok(exit);
    }
    if seen.service.is_none() || plan.to_show.is_some() {
        report::next_steps(context.ui, &names.service_id);
    }
    if is_partial {
        report::after_a_part(context, address);
        context.ui.result(format_args!("{}/mcp", address.base));
        return Ok(exit);
    }
    context.ui.result(&url);
    Ok(exit)
}

/// Returns the JSON report without the URLs and the password.
fn as_json(deployment: &Deployment<'_>, deployed: &Deployed, cleaned: &Cleaned) -> Value {
    let (context, seen) = (deployment.context, deployment.seen);
    let released = deployed.released.as_ref();
    let verified = deployed.verified.as_ref();
    let outcome = if deployed.changed_service() {
        "deployed"
    } else {
        "unchanged"
    };
    let mut document = report::plan_as_json(context, &deployment.lines(), outcome);
    deployment.owner.add_to(&mut document);
    let service = released.map(|released| &released.service);
    let service = service.or(seen.service.as_ref());
    let container = service.and_then(|service| service.containers().first());
    let complete = verified.filter(|verified| verified.is_complete);
    let changes = verified.and_then(|verified| verified.contract_changes.as_ref());
    document["image"] = json!(container.map(|container| &container.image));
    document["domain"] = domain_setup::as_json_after(context, deployed.domain.as_ref());
    document["left_over_domains"] = json!(deployment.unused_domains);
    document["left_over"] = json!(seen.left_over);
    document["revision"] = json!(released.map(|released| &released.revision));
    document["verified_revision"] = json!(complete.map(|verified| &verified.revision));
    document["contract_changes"] = json!(changes);
    document["verified"] = json!(verified.map(|verified| &verified.summary));
    document["checked"] = deployed.checks.clone();
    document["adoption"] = deployment.adoption.as_ref().map(Adoption::as_json).into();
    document["cleanup"] = cleaned.as_json(&deployment.cleanup);
    document
}
