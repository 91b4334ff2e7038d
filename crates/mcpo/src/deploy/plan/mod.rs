//! What is there, what is wanted, and the difference: everything that would be changed, in order.

mod alike;
mod diff;
mod left_over;
mod lines;
mod made;
mod observe;
mod rotation;
mod secrets;
mod service;

use serde_json::{Map, Value};

pub use self::{
    alike::alike,
    diff::shares,
    left_over::find as left_over,
    lines::Line,
    observe::{Observed, decoded, observe, project},
    service::{Versions, managed_mask, pinned, service},
};
use super::{
    bucket,
    names::{APIS, BUILD_API, Names},
    settings::{Ledger, Settings},
};
use crate::{error::Outcome, walk::Secret};

/// What marks everything that is ours.
pub const LABEL: (&str, &str) = ("managed-by", "mcpo");
/// The runtime keeps a refresh token's grant this long; the ledger's objects a little longer.
pub const LEDGER_DAYS: u32 = 100;

/// Everything that is to be changed.
#[derive(Debug, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each stands for one thing that is missing"
)]
pub struct Plan {
    pub apis: Vec<&'static str>,
    pub makes_repository: bool,
    pub makes_account: bool,
    pub makes_bucket: bool,
    /// The bucket of an earlier version, which keeps for long what is over soon.
    pub old_bucket: Option<Value>,
    pub grants_bucket: bool,
    pub secrets: Vec<SecretChange>,
    /// Secrets of earlier versions, which get the labels of their service: the id, the etag, and
    /// all labels.
    pub labels: Vec<(String, Value, Map<String, Value>)>,
    /// Secrets that the account may not read yet, by id.
    pub grants: Vec<String>,
    /// A made password that nobody has seen yet: the secret's id, etag, and labels afterwards.
    pub to_show: Option<(String, Value, Map<String, Value>)>,
    pub pushes: bool,
    pub builds_remotely: bool,
    /// What changes about the service, in lines; empty: nothing.
    pub service: Vec<String>,
    pub creates_service: bool,
    pub makes_revision: bool,
}

/// A new version of a secret.
#[derive(Debug)]
pub struct SecretChange {
    pub variable: String,
    pub id: String,
    pub is_new: bool,
    pub value: Secret,
    /// It was made here, for a person to read.
    pub is_made_password: bool,
}

impl SecretChange {
    /// Whether a person has to be shown the value once.
    pub const fn is_to_be_shown(&self) -> bool {
        self.is_made_password
    }
}

/// The image as far as it is known when the plan is made.
#[derive(Clone, Copy, Debug)]
pub enum ImageState<'a> {
    /// `HOST/PATH@DIGEST`, and whether the registry has it.
    Known { reference: &'a str, is_there: bool },
    /// It will be built in the cloud.
    Unknown,
}

impl Plan {
    /// Compares; says what is missing before anything is changed.
    pub fn make(
        settings: &Settings,
        names: &Names,
        seen: &Observed,
        image: ImageState<'_>,
        traffic: &super::traffic::Wanted,
    ) -> Outcome<Self> {
        let mut plan = Self {
            apis: seen.disabled.clone(),
            makes_repository: !seen.has_repository,
            makes_account: settings.service_account.is_none() && !seen.has_account,
            makes_bucket: settings.ledger == Ledger::Bucket && seen.bucket.is_none(),
            old_bucket: seen
                .bucket
                .clone()
                .filter(|bucket| !bucket::deletes_what_is_over(bucket)),
            creates_service: seen.service.is_none(),
            ..Self::default()
        };
        let account = names.account(settings);
        let member = format!("serviceAccount:{account}");
        plan.grants_bucket = settings.ledger == Ledger::Bucket
            && !grants(&seen.bucket_policy, super::names::LEDGER_ROLE, &member);
        let mut versions = Versions::default();
        plan.plan_secrets(settings, names, seen, &member, &mut versions)?;
        plan.pushes = matches!(
            image,
            ImageState::Known {
                is_there: false,
                ..
            }
        );
        plan.builds_remotely = matches!(image, ImageState::Unknown);
        let reference = match image {
            ImageState::Known { reference, .. } => reference,
            ImageState::Unknown => "(built in the cloud)",
        };
        let current = seen.service.as_ref();
        let wanted = service(settings, names, reference, &versions, current);
        plan.service = diff::service(current, &wanted);
        plan.makes_revision = makes_revision(current, &wanted);
        if plan.makes_revision {
            plan.service.extend(seen.rotation.map(str::to_owned));
        }
        if plan.makes_revision && plan.service.is_empty() {
            plan.service
                .push("the latest revision does not work; it is made anew".to_owned());
        }
        let newest = if plan.makes_revision {
            "(new)"
        } else {
            current.map_or("", latest)
        };
        let allocation = traffic.targets(current, newest)?;
        if let Some(current) = current
            && !super::traffic::same(&current["traffic"], &allocation)
        {
            let (before, after) = (diff::shares(&current["traffic"]), diff::shares(&allocation));
            plan.service.push(format!("traffic: {before} → {after}"));
        }
        Ok(plan)
    }

    /// Whether everything is as it should be, except perhaps that a password was not shown yet.
    pub fn changes_nothing(&self) -> bool {
        self.lines().len() == usize::from(self.to_show.is_some())
    }
}

/// Whether a policy gives `member` this role.
pub fn grants(policy: &Value, role: &str, member: &str) -> bool {
    let bindings = policy["bindings"].as_array();
    bindings.into_iter().flatten().any(|binding| {
        binding["role"] == role
            && binding["condition"].is_null()
            && binding["members"]
                .as_array()
                .is_some_and(|members| members.iter().any(|one| one == member))
    })
}

/// Whether a new revision is needed: another template, or one that never worked.
pub fn makes_revision(current: Option<&Value>, wanted: &Value) -> bool {
    current.is_none_or(|current| diff::template_differs(current, wanted) || is_broken(current))
}

/// The short name of the revision that was made last.
pub fn latest(service: &Value) -> &str {
    let name = service["latestCreatedRevision"]
        .as_str()
        .unwrap_or_default();
    name.rsplit('/').next().unwrap_or_default()
}

/// Whether the revision that was made last never became ready.
pub fn is_broken(service: &Value) -> bool {
    service["reconciling"] != true
        && service["latestCreatedRevision"] != service["latestReadyRevision"]
}

/// The APIs that a deployment needs.
pub fn apis(is_remote: bool) -> Vec<&'static str> {
    let build = is_remote.then_some(BUILD_API);
    APIS.iter().copied().chain(build).collect()
}
