//! The last step: from outside, as claude.ai does it, and as a client that was there before.

mod private;
mod reach;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use url::Url;

use super::{
    context::Context,
    google::{During as _, Trouble, method},
    plan::{Observed, Plan},
    report::count,
    settings::PASSWORD,
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

/// What came of it, in a line.
pub struct Verified {
    pub summary: String,
    /// Whether everything could be looked at.
    pub is_complete: bool,
}

/// Signs in at the revision that serves now, so that something can be remembered.
pub async fn before(context: &Context<'_>, plan: &Plan, seen: &Observed) -> Outcome<Before> {
    let password = password(context, plan, seen).await?;
    let way = private::way(context).await;
    let serves = seen
        .service
        .as_ref()
        .is_some_and(|service| service["latestReadyRevision"].is_string());
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
    let walk_plan = walk_plan(context, password.as_ref(), &way, None)?;
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
    let path = format!("v1/{}/versions/{version}:access", context.names.secret(&id));
    match context.google.get(&method::SECRET_READ, &path).await {
        Ok(found) => {
            let data =
                BASE64_STANDARD.decode(found["payload"]["data"].as_str().unwrap_or_default());
            Ok(data
                .ok()
                .and_then(|bytes| String::from_utf8(bytes).ok())
                .map(Secret::new))
        }
        // Whoever may deploy need not be allowed to sign in.
        Err(Trouble::Denied { .. }) => Ok(None),
        Err(trouble) => Err(trouble).during(format!("failed to read the secret {id}")),
    }
}

fn walk_plan(
    context: &Context<'_>,
    password: Option<&Secret>,
    way: &Way,
    kept: Option<Credentials>,
) -> Outcome<walk::Plan> {
    let url = format!("{}/mcp", context.names.base_url(&context.settings));
    let url = Url::parse(&url)
        .map_err(|error| Failure::new(format!("{url} is no address")).because(&error))?;
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
        kept
    }));
    Ok(plan)
}

/// Walks the public address.
pub async fn verify(context: &Context<'_>, before: Before) -> Outcome<Verified> {
    if !matches!(before.way, Way::Public) {
        private::check_closed(context).await?;
    }
    let kept_out = match &before.way {
        Way::Closed(why) => Some(why.clone()),
        way => reach::reach(context, way).await?,
    };
    if let Some(why) = kept_out {
        return Ok(Verified {
            summary: format!("who has no permission of Google's is refused, and so is mcpo: {why}"),
            is_complete: false,
        });
    }
    let was_here = before.serves;
    let plan = walk_plan(
        context,
        before.password.as_ref(),
        &before.way,
        before.credentials,
    )?;
    let report = Box::pin(walk(&plan, &mut Quiet)).await;
    let failed = report
        .checks
        .iter()
        .find(|check| check.verdict == Verdict::Fail);
    if let Some(failed) = failed {
        show(context, &plan).await;
        return Err(Failure::new(format!(
            "{} is released, and it fails a check: {}",
            plan.target, failed.rule.title
        ))
        .because(&std::io::Error::other(failed.fault.seen.clone()))
        .hint(format!(
            "{}; or go back: mcpo deploy {} --rollback",
            failed.fault.hint, context.names.region
        ))
        .exit_with(Exit::CheckFailed));
    }
    let mut verified = summary(&report, was_here);
    if matches!(before.way, Way::Private(_)) {
        verified
            .summary
            .push_str("; who has no permission of Google's is refused");
    }
    Ok(verified)
}

fn summary(report: &Report<'_>, was_here: bool) -> Verified {
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
        summary,
        is_complete: stopped.is_none() && (kept || !was_here),
    }
}

/// The whole walk again, to be read.
async fn show(context: &Context<'_>, plan: &walk::Plan) {
    let mut terminal = Terminal::new(context.ui, plan, true);
    let _ = Box::pin(walk(plan, &mut terminal)).await;
}
