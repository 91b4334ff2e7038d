//! The last step: from outside, as claude.ai does it, and as a client that was there before.

mod private;
mod reach;

use serde_json::Value;
use url::Url;

use super::{
    context::Context,
    google::{During as _, method},
    plan::{self, Observed, Plan},
    report::count,
    settings::{PASSWORD, SecretSource},
};
use crate::{
    error::{Exit, Failure, Outcome},
    walk::{self, ClientName, Credentials, Quiet, Report, Secret, Terminal, Verdict, walk},
};

/// What a client holds before the release, and what the walk signs in with.
#[derive(Debug, Default)]
pub struct Before {
    /// Whether a revision served already, so that there is something to be remembered.
    serves: bool,
    credentials: Option<Credentials>,
    password: Option<Secret>,
    way: Way,
}

/// How a request gets past Google's front.
#[derive(Debug, Default)]
enum Way {
    /// Anybody's does.
    #[default]
    Public,
    /// By this identity token.
    Private(Secret),
    /// Not at all: there is no identity token, for this reason.
    Closed(String),
}

impl Way {
    const fn token(&self) -> Option<&Secret> {
        match self {
            Self::Private(token) => Some(token),
            Self::Public | Self::Closed(_) => None,
        }
    }
}

/// Where a revision is walked.
#[derive(Clone, Debug)]
pub struct Address {
    /// Scheme and host.
    pub base: String,
    /// The revision that answers there.
    pub revision: String,
    /// The command that takes the revision out of service again.
    pub undo: String,
}

/// What came of it, in a line.
pub struct Verified {
    /// The revision that was walked.
    pub revision: String,
    /// Where.
    pub base: String,
    pub summary: String,
    /// Whether everything could be looked at.
    pub is_complete: bool,
}

/// Signs in at the revision that serves now, so that something can be remembered.
pub async fn before(context: &Context<'_>, plan: &Plan, seen: &Observed) -> Outcome<Before> {
    let password = password(context, plan, seen).await?;
    let serves = seen.service.as_ref();
    let serves = serves.is_some_and(|service| service["latestReadyRevision"].is_string());
    sign_in(context, password, serves).await
}

/// The same for a verb that moves traffic: `service` holds the template whose password counts.
pub async fn before_shift(context: &Context<'_>, service: &Value) -> Outcome<Before> {
    let mut settings = context.settings.secrets.iter();
    let password = match settings.find(|secret| secret.variable == PASSWORD) {
        None => None,
        Some(setting) => match &setting.source {
            SecretSource::Local(Some(value)) => Some(value.clone()),
            _ => {
                let id = context.names.secret_of(setting);
                let version = plan::pinned(service, PASSWORD, &id).unwrap_or("latest");
                read(context, &id, version).await?
            }
        },
    };
    sign_in(context, password, true).await
}

async fn sign_in(context: &Context<'_>, password: Option<Secret>, serves: bool) -> Outcome<Before> {
    let way = private::way(context).await;
    if !serves || matches!(way, Way::Closed(_)) {
        return Ok(Before {
            serves,
            credentials: None,
            password,
            way,
        });
    }
    let progress = context
        .ui
        .spinner("signing in, to see later that it is remembered".to_owned());
    let base = context.names.base_url(&context.settings);
    let walk_plan = walk_plan(&base, password.as_ref(), &way, None)?;
    let report = Box::pin(walk(&walk_plan, &mut Quiet)).await;
    progress.finish_and_clear();
    // A service that does not work now is no reason not to deploy a better one.
    Ok(Before {
        serves,
        credentials: report.credentials,
        password,
        way,
    })
}

/// The password of the one user, where there is one and we may read it.
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

/// The value of a secret, if the caller may read it: a deployer need not be allowed to sign in.
async fn read(context: &Context<'_>, id: &str, version: &str) -> Outcome<Option<Secret>> {
    let path = format!("v1/{}/versions/{version}:access", context.names.secret(id));
    match context.google.find(&method::SECRET_READ, &path).await {
        Ok(found) => Ok(found.as_ref().and_then(plan::decoded)),
        Err(trouble) if trouble.is_forbidden() => Ok(None),
        Err(trouble) => Err(trouble).during(format!("failed to read the secret {id}")),
    }
}

fn walk_plan(
    base: &str,
    password: Option<&Secret>,
    way: &Way,
    kept: Option<Credentials>,
) -> Outcome<walk::Plan> {
    let url = format!("{base}/mcp");
    let url = Url::parse(&url)
        .map_err(|error| Failure::new(format!("{url} is not a URL")).because(&error))?;
    let mut plan = walk::Plan::new(url, ClientName::default())?;
    if let Some(password) = password {
        plan.sign_in_with(None, password.clone());
    }
    if let Some(token) = way.token() {
        plan.connection.headers.push(private::header(token)?);
    }
    plan.kept.extend(kept.map(|mut kept| {
        // As if its hour were over, so that the refresh token is what has to be good.
        kept.expires_at = Some(0);
        // Every address of the service is one server, so what it issued at one is good at all.
        base.clone_into(&mut kept.issuer);
        kept.resource = kept.resource.map(|_| format!("{base}/mcp"));
        kept
    }));
    Ok(plan)
}

/// Walks an address, which leads to one revision.
pub async fn verify(
    context: &Context<'_>,
    before: &Before,
    address: &Address,
) -> Outcome<Verified> {
    if !matches!(before.way, Way::Public) {
        private::check_closed(context, &address.base).await?;
    }
    let kept_out = match &before.way {
        Way::Closed(why) => Some(why.clone()),
        way => reach::reach(context, way, address).await?,
    };
    if let Some(why) = kept_out {
        return Ok(Verified {
            revision: address.revision.clone(),
            base: address.base.clone(),
            summary: format!("who has no permission of Google's is refused, and so is mcpo: {why}"),
            is_complete: false,
        });
    }
    let was_here = before.serves;
    let plan = walk_plan(
        &address.base,
        before.password.as_ref(),
        &before.way,
        before.credentials.clone(),
    )?;
    let report = Box::pin(walk(&plan, &mut Quiet)).await;
    let failed = report
        .checks
        .iter()
        .find(|check| check.verdict == Verdict::Fail);
    if let Some(failed) = failed {
        show(context, &plan).await;
        return Err(Failure::new(format!(
            "{} at {} is released, and it fails a check: {}",
            address.revision, plan.target, failed.rule.title
        ))
        .because(&std::io::Error::other(failed.fault.seen.clone()))
        .hint(format!(
            "{}; or go back: {}",
            failed.fault.hint, address.undo
        ))
        .exit_with(Exit::CheckFailed));
    }
    let mut verified = summary(&report, was_here, address);
    if matches!(before.way, Way::Private(_)) {
        verified
            .summary
            .push_str("; who has no permission of Google's is refused");
    }
    Ok(verified)
}

fn summary(report: &Report<'_>, was_here: bool, address: &Address) -> Verified {
    let passed = report
        .checks
        .iter()
        .filter(|check| check.verdict == Verdict::Pass)
        .count();
    let stopped = report.checks.iter().find_map(|check| match &check.verdict {
        Verdict::CouldNotRun { because } => Some((check.rule.title, because.clone())),
        _ => None,
    });
    let kept = report
        .checks
        .iter()
        .any(|check| check.rule.id == "kept-refresh" && check.verdict == Verdict::Pass);
    let mut summary = format!("{} passed", count(passed, "check"));
    if kept {
        summary.push_str("; a client id and a refresh token from before still work");
    } else if was_here {
        summary.push_str("; whether tokens from before still work was not seen");
    }
    if let Some((title, because)) = &stopped {
        summary = format!("{summary}; stopped at {title}: {because}");
    }
    Verified {
        revision: address.revision.clone(),
        base: address.base.clone(),
        summary,
        is_complete: stopped.is_none() && (kept || !was_here),
    }
}

/// The whole walk again, to be read.
async fn show(context: &Context<'_>, plan: &walk::Plan) {
    let mut terminal = Terminal::new(context.ui, plan, true);
    let _ = Box::pin(walk(plan, &mut terminal)).await;
}
