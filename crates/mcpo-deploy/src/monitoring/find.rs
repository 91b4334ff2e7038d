//! Reads which of the resources exist. Only sends read requests.

use std::collections::BTreeMap;

use mcpo_common::error::{Failure, Outcome};
use serde_json::Value;

use super::{
    Kind,
    bodies::{Bodies, References},
    name,
};
use crate::{
    context::Context,
    google::{
        ErrorContext as _, GoogleError,
        api::monitoring::{
            BillingAccount, ListAlertPoliciesResponse, ListBudgetsResponse,
            ListNotificationChannelsResponse, ListUptimeCheckConfigsResponse, ProjectBillingInfo,
        },
        method,
    },
    settings::Amount,
};

/// The resources that mcpo created for the service.
#[derive(Debug, Default)]
pub struct Existing {
    found: BTreeMap<Kind, Vec<Value>>,
    /// `billingAccounts/ID`; empty if it was not read.
    pub billing_account: String,
}

impl Existing {
    pub fn of(&self, kind: Kind) -> Vec<&Value> {
        self.found.get(&kind).into_iter().flatten().collect()
    }

    /// Returns the existing resources that a policy refers to. A resource that does not exist yet has
    /// an empty name, so that the policy differs.
    pub fn references(&self, bodies: &Bodies<'_>) -> References {
        let first = |kind| {
            let found = self.of(kind);
            let mut found = found.into_iter().filter(|one| bodies.fits(kind, one));
            found.next().map_or("", name).to_owned()
        };
        References {
            channel: first(Kind::Channel),
            check: first(Kind::Check),
        }
    }
}

/// Finds the resources of the kinds that the settings request. An API that is disabled has none.
pub async fn find(context: &Context<'_>, disabled: &[&str]) -> Outcome<Existing> {
    let settings = &context.settings;
    let mut existing = Existing::default();
    if settings.uptime_check && is_on("monitoring", disabled) {
        for kind in [Kind::Channel, Kind::Check, Kind::Policy] {
            let found = list(context, kind, "").await.during(during(kind))?;
            existing.found.insert(kind, found);
        }
    }
    if let Some(budget) = &settings.budget
        && is_on("cloudbilling", disabled)
    {
        let account = account_for(context, budget).await?;
        if is_on("billingbudgets", disabled) {
            let found = list(context, Kind::Budget, &account).await;
            let found = found.during(during(Kind::Budget))?;
            existing.found.insert(Kind::Budget, found);
        }
        existing.billing_account = account;
    }
    Ok(existing)
}

/// Returns the billing account of the project: `billingAccounts/ID`. Fails if its currency is not that
/// of the budget, which Google would refuse after the release.
pub(super) async fn account_for(context: &Context<'_>, budget: &Amount) -> Outcome<String> {
    let account = billing_account(context)
        .await
        .during(during(Kind::Budget))?;
    let account = account.ok_or_else(|| {
        Failure::new(format!("{} has no billing account", context.names.project))
            .hint("link one in the Google Cloud console, or remove budget")
    })?;
    let path = format!("v1/{account}");
    let found = context
        .google
        .get(&method::BILLING_ACCOUNT_GET, &path)
        .await;
    let found: BillingAccount = found.during(during(Kind::Budget))?;
    let currency = found.currency_code;
    if currency != budget.currency {
        let what = format!(
            "the currency of the billing account is {currency}, and the budget is {budget}"
        );
        let example = format!("{} {currency}", budget.units.max(1));
        return Err(Failure::new(what).hint(format!("set budget = {example:?}, for example")));
    }
    Ok(account)
}

/// Finds the resources of all kinds, also if the settings no longer request them. What may not be read
/// is returned as the names of its kinds.
pub async fn find_all(
    context: &Context<'_>,
    disabled: &[&str],
) -> Outcome<(Vec<(Kind, Value)>, Vec<&'static str>)> {
    let (mut found, mut unknown) = (Vec::new(), Vec::new());
    let mut account = String::new();
    if is_on("cloudbilling", disabled) && is_on("billingbudgets", disabled) {
        let read = billing_account(context).await;
        account = allowed(read, Kind::Budget, &mut unknown)?
            .flatten()
            .unwrap_or_default();
    }
    // A policy refers to the others, so it is deleted before them.
    for kind in Kind::ALL.into_iter().rev() {
        let is_readable = match kind {
            Kind::Budget => !account.is_empty(),
            Kind::Channel | Kind::Check | Kind::Policy => is_on("monitoring", disabled),
        };
        if !is_readable {
            continue;
        }
        let listed = allowed(list(context, kind, &account).await, kind, &mut unknown)?;
        found.extend(listed.into_iter().flatten().map(|one| (kind, one)));
    }
    Ok((found, unknown))
}

/// Returns `None` if the caller may not read the resources of this kind.
fn allowed<T>(
    read: Result<T, GoogleError>,
    kind: Kind,
    unknown: &mut Vec<&'static str>,
) -> Outcome<Option<T>> {
    match read {
        Err(google_error) if google_error.is_forbidden() => {
            unknown.push(kind.what());
            Ok(None)
        }
        read => read.map(Some).during(during(kind)),
    }
}

fn is_on(api: &str, disabled: &[&str]) -> bool {
    let prefix = format!("{api}.");
    !disabled.iter().any(|name| name.starts_with(&prefix))
}

fn during(kind: Kind) -> String {
    format!("failed to read the {}", kind.what())
}

async fn billing_account(context: &Context<'_>) -> Result<Option<String>, GoogleError> {
    let path = format!("v1/projects/{}/billingInfo", context.names.project);
    let info = context.google.get(&method::BILLING_INFO_GET, &path).await;
    let info: ProjectBillingInfo = info?;
    Ok(Some(info.billing_account_name).filter(|name| !name.is_empty()))
}

/// Lists the resources that mcpo created for the service. `account` is that of a budget.
async fn list(context: &Context<'_>, kind: Kind, account: &str) -> Result<Vec<Value>, GoogleError> {
    let bodies = Bodies {
        settings: &context.settings,
        names: &context.names,
    };
    let project = format!("projects/{}", context.names.project);
    let parent = if kind == Kind::Budget {
        account
    } else {
        &project
    };
    let path = kind.path(&format!("{parent}/{}", kind.collection()));
    let (google, method) = (&context.google, &kind.list());
    let mut all = match kind {
        Kind::Channel => {
            google
                .list::<ListNotificationChannelsResponse>(method, &path)
                .await?
        }
        Kind::Check => {
            google
                .list::<ListUptimeCheckConfigsResponse>(method, &path)
                .await?
        }
        Kind::Policy => {
            google
                .list::<ListAlertPoliciesResponse>(method, &path)
                .await?
        }
        Kind::Budget => google.list::<ListBudgetsResponse>(method, &path).await?,
    };
    all.retain(|one| bodies.is_ours(kind, one));
    Ok(all)
}
