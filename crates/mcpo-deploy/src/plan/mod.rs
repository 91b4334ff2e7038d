//! Compares the wanted state with the observed state and lists all changes in order.

mod diff;
mod fields;
mod generated_secret;
mod left_over;
mod lines;
mod observe;
mod region;
mod rotation;
mod secrets;
mod service;
mod sql;

use mcpo_common::{error::Outcome, secret::Secret};

pub use self::{
    fields::{removed, service_fields, without},
    left_over::all as all_secrets,
    lines::Line,
    observe::{Observed, decoded, observe, project},
    region::check as check_region,
    service::{HOSTS, Versions, managed_mask, pinned, service},
    sql::policies as sql_policies,
};
pub use crate::shares::allocation as shares;
use crate::{
    bucket,
    google::api::{Labels, run::Service, storage::Bucket},
    history,
    memorystore::{self, SeenInstance},
    names::{
        APIS, BINARY_AUTHORIZATION_API, BUDGET_APIS, BUILD_API, MONITORING_API, Names, SQL_APIS,
        SQL_ROLE,
    },
    settings::{Ledger, Settings},
    traffic::Share,
};

/// How long the ledger's bucket keeps an object in any case, in days: longer than the runtime keeps
/// any record. Most records expire earlier.
pub const LEDGER_DAYS: u32 = 11 * 366;

/// All changes to make.
#[derive(Debug, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each flag is one missing resource"
)]
pub struct Plan {
    pub apis: Vec<&'static str>,
    pub makes_repository: bool,
    pub makes_account: bool,
    pub makes_bucket: bool,
    /// Whether a Memorystore instance is created for the ledger.
    pub makes_instance: bool,
    /// The bucket of an earlier version, whose lifecycle rules must be corrected.
    pub old_bucket: Option<Bucket>,
    pub grants_bucket: bool,
    /// The projects whose Cloud SQL instances the service may not connect to yet.
    pub sql_grants: Vec<String>,
    pub secrets: Vec<SecretChange>,
    /// Secrets of earlier versions, which get the labels of their service.
    pub labels: Vec<LabelChange>,
    /// The ids of secrets that the account may not read yet.
    pub grants: Vec<String>,
    /// The secret of a generated password that has not been shown yet, with its labels after it was
    /// shown.
    pub to_show: Option<LabelChange>,
    pub pushes: bool,
    pub builds_remotely: bool,
    /// What is attached to the image, each with the API methods that do it.
    pub attachments: Vec<(String, Vec<&'static str>)>,
    /// The changes to the service as lines, except to its traffic; empty if nothing changes.
    pub service: Vec<String>,
    /// The change to the traffic as a line.
    pub traffic: Option<String>,
    /// How the new revision is checked before it serves all requests, as a line.
    pub check: Option<String>,
    pub creates_service: bool,
    pub makes_revision: bool,
    /// The change of the domain mapping, which follows the release.
    pub domain: Option<Line>,
}

/// A new version of a secret.
#[derive(Clone, Debug)]
pub struct SecretChange {
    pub variable: String,
    pub id: String,
    pub is_new: bool,
    pub value: Secret,
    /// Whether deploy generated the value as a password for the user.
    pub is_made_password: bool,
}

impl SecretChange {
    /// Returns true if the value must be shown to the user once.
    pub const fn is_to_be_shown(&self) -> bool {
        self.is_made_password
    }
}

/// New labels of a secret.
#[derive(Debug)]
pub struct LabelChange {
    /// The secret's id.
    pub id: String,
    /// The etag of the secret with its current labels.
    pub etag: String,
    /// All labels that the secret has afterwards.
    pub labels: Labels,
}

/// What is known about the image when the plan is made.
#[derive(Clone, Copy, Debug)]
pub enum ImageState<'a> {
    /// The reference `HOST/PATH@DIGEST`, and whether the registry already has the image.
    Known { reference: &'a str, is_there: bool },
    /// The image will be built by Cloud Build.
    Unknown,
}

impl Plan {
    /// Compares the wanted and the observed state. Fails if something that the plan needs is
    /// missing.
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
                .filter(|bucket| !bucket::deletes_only_expired_records(bucket)),
            creates_service: seen.service.is_none(),
            ..Self::default()
        };
        let account = names.account(settings);
        let member = format!("serviceAccount:{account}");
        plan.grants_bucket = settings.ledger == Ledger::Bucket
            && !seen
                .bucket_policy
                .grants(super::names::LEDGER_ROLE, &member);
        let policies = seen.sql_policies.iter();
        let lacks = policies.filter(|(_, policy)| !policy.grants(SQL_ROLE, &member));
        plan.makes_instance = matches!(&seen.instance, Some(SeenInstance { instance: None, .. }));
        plan.sql_grants = lacks.map(|(project, _)| project.clone()).collect();
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
            ImageState::Unknown => "(built by Cloud Build)",
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
                .push("the latest revision does not work; a new one is created".to_owned());
        }
        let newest = if plan.makes_revision {
            "(new)"
        } else {
            current.map_or("", Service::latest_created)
        };
        let allocation = history::targets(traffic, current, newest)?;
        if let Some(current) = current
            && !super::traffic::same(&current.traffic, &allocation)
        {
            let (before, after) = (shares(&current.traffic), shares(&allocation));
            let why = match history::interrupted(current, newest) {
                Some((name, _)) if traffic.share != Share::Preview => {
                    format!(" (the release of {name} has not ended)")
                }
                _ => String::new(),
            };
            plan.traffic = Some(format!("traffic: {before} → {after}{why}"));
        }
        Ok(plan)
    }

    /// Returns true if there is nothing to change before the release is complete, except to show a
    /// password.
    pub fn changes_nothing(&self) -> bool {
        self.lines().len() == usize::from(self.to_show.is_some()) + self.domain_lines()
    }

    /// Returns true if only the traffic changes, except to show a password.
    pub fn changes_only_traffic(&self) -> bool {
        let others = [self.to_show.is_some(), self.check.is_some()];
        let others = others.iter().filter(|is_there| **is_there).count();
        self.traffic.is_some() && self.lines().len() == others + 1 + self.domain_lines()
    }

    /// Returns the number of lines about changes that follow the release.
    fn domain_lines(&self) -> usize {
        usize::from(self.domain.is_some())
    }
}

/// Returns true if a new revision is needed: the template differs, or the latest revision never
/// worked.
pub fn makes_revision(current: Option<&Service>, wanted: &Service) -> bool {
    current.is_none_or(|current| diff::template_differs(current, wanted) || is_broken(current))
}

/// Returns true if the latest created revision never became ready.
pub fn is_broken(service: &Service) -> bool {
    !service.reconciling && service.latest_created_revision != service.latest_ready_revision
}

/// Returns the APIs that a deployment needs. A deletion also looks for resources that the settings do
/// not request any more.
pub fn apis(is_remote: bool, settings: &Settings, deletes: bool) -> Vec<&'static str> {
    let build = is_remote.then_some(BUILD_API);
    let mut apis: Vec<_> = APIS.iter().copied().chain(build).collect();
    if settings.uptime_check || deletes {
        apis.push(MONITORING_API);
    }
    if settings.budget.is_some() || deletes {
        apis.extend(BUDGET_APIS);
    }
    if matches!(settings.ledger, Ledger::Memorystore(_)) {
        apis.push(memorystore::API);
    }
    if !settings.cloud_sql.is_empty() {
        apis.extend(SQL_APIS);
    }
    if settings.supply_chain.binary_authorization.is_some() {
        apis.push(BINARY_AUTHORIZATION_API);
    }
    apis
}
