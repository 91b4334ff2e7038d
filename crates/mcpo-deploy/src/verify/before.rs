//! Signs in before the release, so that the tokens of an existing client can be checked after it.

use mcpo_common::{error::Outcome, secret::Secret};
use mcpo_probe::{Contract, Credentials, Quiet, Verdict};

use super::{Lock, TOOLS_LIST, private, probe_plan};
use crate::{
    context::Context,
    google::{
        ErrorContext as _,
        api::{run::Container, secret_manager::AccessSecretVersionResponse},
        method,
    },
    history,
    plan::{self, Observed, Plan},
    settings::{PASSWORD, SecretSource},
};

/// The credentials that a client holds before the release, and the password that the probe signs in
/// with.
#[derive(Debug, Default)]
pub struct Before {
    /// Whether a revision was already serving, so that existing tokens can be checked.
    pub(super) serves: bool,
    /// Whether that revision offered tools.
    pub(super) has_tools: bool,
    pub(super) credentials: Option<Credentials>,
    pub(super) password: Option<Secret>,
    pub(super) way: Way,
    /// The contract that the revisions must keep.
    pub(super) lock: Lock,
    /// The contract of the revision that serves before the release.
    pub(super) contract: Option<Contract>,
    /// The report of the last verification, in Markdown.
    pub report: Option<String>,
}

/// How a request passes Google's front end.
#[derive(Debug, Default)]
pub(super) enum Way {
    /// The service is public.
    #[default]
    Public,
    /// With this identity token.
    Private(Secret),
    /// Not at all: no identity token is available, for this reason.
    Closed(String),
}

impl Way {
    pub(super) const fn token(&self) -> Option<&Secret> {
        match self {
            Self::Private(token) => Some(token),
            Self::Public | Self::Closed(_) => None,
        }
    }
}

impl Before {
    /// Returns why no revision can be checked, if Google's front end refuses mcpo's requests.
    pub fn obstacle(&self) -> Option<&str> {
        match &self.way {
            Way::Closed(why) => Some(why),
            Way::Public | Way::Private(_) => None,
        }
    }

    /// Returns true if mcpo holds tokens of a sign-in before the release, so that each check tests
    /// whether they still work.
    pub const fn has_tokens(&self) -> bool {
        self.credentials.is_some()
    }
}

/// Signs in at the revision that serves now, so that its tokens can be checked after the release.
pub async fn before(context: &Context<'_>, plan: &Plan, seen: &Observed) -> Outcome<Before> {
    // A file that cannot be read must stop the deployment before its first change.
    let lock = Lock::read(context, "--accept-changes")?;
    let password = password(context, plan, seen).await?;
    let serves = seen.service.as_ref();
    // The tokens of an earlier revision of a preview need not work.
    let serves = serves.is_some_and(|service| service.latest_ready_revision.is_some())
        && context.names.preview().is_none();
    let unfinished = seen.service.as_ref();
    let unfinished = unfinished.and_then(|service| history::interrupted(service, ""));
    if let Some((name, _)) = unfinished
        && serves
        && plan.makes_revision
    {
        context.ui.warn(format_args!(
            "tokens of the revisions before {name} may not be checked: its release has not ended, and \
             mcpo signed in at the public address"
        ));
    }
    sign_in(context, password, serves, lock).await
}

/// Does the same before traffic is moved to a revision with these containers, which decide which
/// password is valid.
pub async fn before_shift(
    context: &Context<'_>,
    containers: &[Container],
    lock: Lock,
) -> Outcome<Before> {
    let mut settings = context.settings.secrets.iter();
    let password = match settings.find(|secret| secret.variable == PASSWORD) {
        None => None,
        Some(setting) => match &setting.source {
            SecretSource::Local(Some(value)) => Some(value.clone()),
            _ => {
                let id = context.names.secret_of(setting);
                let version = plan::pinned(containers, PASSWORD, &id).unwrap_or("latest");
                read(context, &id, version).await?
            }
        },
    };
    sign_in(context, password, true, lock).await
}

async fn sign_in(
    context: &Context<'_>,
    password: Option<Secret>,
    serves: bool,
    lock: Lock,
) -> Outcome<Before> {
    let way = private::way(context).await;
    if !serves || matches!(way, Way::Closed(_)) {
        return Ok(Before {
            serves,
            has_tools: false,
            credentials: None,
            password,
            way,
            lock,
            contract: None,
            report: None,
        });
    }
    let progress = context
        .ui
        .spinner("signing in to check later that existing tokens still work".to_owned());
    let base = context.base_url();
    let probe_plan = probe_plan(&base, password.as_ref(), &way, None)?;
    let report = Box::pin(mcpo_probe::run(&probe_plan, &mut Quiet)).await;
    progress.finish_and_clear();
    // A service that does not work now must not prevent the deployment of a better one.
    Ok(Before {
        serves,
        has_tools: (report.checks.iter())
            .any(|check| check.rule.id == TOOLS_LIST && check.verdict == Verdict::Pass),
        credentials: report.credentials,
        password,
        way,
        lock,
        contract: report.contract,
        report: None,
    })
}

/// Returns the password of the single user, if there is one and the caller may read it.
async fn password(context: &Context<'_>, plan: &Plan, seen: &Observed) -> Outcome<Option<Secret>> {
    if let Some(made) = plan
        .secrets
        .iter()
        .find(|secret| secret.variable == PASSWORD)
    {
        return Ok(Some(made.value.clone()));
    }
    let Some(setting) = context
        .settings
        .secrets
        .iter()
        .find(|secret| secret.variable == PASSWORD)
    else {
        return Ok(None);
    };
    let id = context.names.secret_of(setting);
    let Some((version, known)) = seen
        .secrets
        .get(&id)
        .and_then(|secret| secret.latest.clone())
    else {
        return Ok(None);
    };
    if known.is_some() {
        return Ok(known);
    }
    read(context, &id, &version).await
}

/// Returns the value of a secret, or `None` if the caller may not read it: deploying does not
/// require permission to sign in.
async fn read(context: &Context<'_>, id: &str, version: &str) -> Outcome<Option<Secret>> {
    let path = format!("v1/{}/versions/{version}:access", context.names.secret(id));
    match context.google.find(&method::SECRET_READ, &path).await {
        Ok(found) => {
            Ok(found.and_then(|found: AccessSecretVersionResponse| plan::decoded(&found.payload)))
        }
        Err(google_error) if google_error.is_forbidden() => Ok(None),
        Err(google_error) => Err(google_error).during(format!("failed to read the secret {id}")),
    }
}
