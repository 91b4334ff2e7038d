//! Verifies a deployment from outside: signs in as claude.ai does, and as a client that signed in
//! before the release.

mod before;
mod lock;
mod private;
mod reach;

use mcpo_common::{
    error::{Exit, Failure, Outcome},
    secret::Secret,
    text::count,
};
use mcpo_probe::{Changes, Check, Client, Contract, Credentials, Document, Quiet, Report, Verdict};
use url::Url;

use self::before::Way;
pub use self::{
    before::{Before, before, before_shift},
    lock::{Lock, accept},
};
use crate::context::Context;

/// The id of the check that lists the tools.
const TOOLS_LIST: &str = "tools-list";

/// Warns and returns false if the service accepts internal traffic only: it cannot be checked from
/// this machine.
pub fn is_reachable(context: &Context<'_>) -> bool {
    let is_reachable = context.settings.is_reachable();
    if !is_reachable {
        context.ui.warn(
            "not verified: this ingress makes the service reachable only from inside Google Cloud",
        );
    }
    is_reachable
}

/// The address at which a revision is checked.
#[derive(Clone, Debug)]
pub struct Address {
    /// The URL's scheme and host.
    pub base: String,
    /// The revision that this address serves.
    pub revision: String,
    /// Whether the revision keeps its requests if a check fails. Otherwise the caller takes it out
    /// of service.
    pub is_released: bool,
    /// The command that takes the revision out of service again, if there is one.
    pub undo: Option<String>,
}

impl Address {
    /// Returns a hint with the command that takes the revision out of service again.
    fn advice(&self, hint: &str) -> String {
        match &self.undo {
            Some(command) => format!("{hint}; or roll back: {command}"),
            None => hint.to_owned(),
        }
    }
}

/// The result of a verification.
pub struct Verified {
    /// The revision that was checked.
    pub revision: String,
    /// The base URL at which it was checked.
    pub base: String,
    pub summary: String,
    /// Whether all checks could run.
    pub is_complete: bool,
    /// Whether no check could run, because mcpo's own requests were refused with 403.
    pub is_refused: bool,
    /// What changed since the project's lock file, if there is one.
    pub contract_changes: Option<Changes>,
    /// The contract of the revision, if its tools could be listed.
    pub contract: Option<Contract>,
}

fn probe_plan(
    base: &str,
    password: Option<&Secret>,
    way: &Way,
    kept: Option<Credentials>,
) -> Outcome<mcpo_probe::Plan> {
    let url = format!("{base}/mcp");
    let url = Url::parse(&url)
        .map_err(|error| Failure::new(format!("invalid URL {url}")).because(&error))?;
    let mut plan = mcpo_probe::Plan::new(url, Client::default())?;
    plan.records_contract = true;
    if let Some(password) = password {
        plan.sign_in_with(None, password.clone());
    }
    if let Some(token) = way.token() {
        plan.connection.headers.push(private::header(token)?);
    }
    plan.kept.extend(kept.map(|mut kept| {
        kept.expire();
        // All addresses of a service lead to the same server, so credentials from one address are
        // valid at every address.
        kept.move_to(base, &format!("{base}/mcp"));
        kept
    }));
    Ok(plan)
}

/// Checks the revision at `address`. Afterwards, `before` holds the client's current credentials,
/// because a refresh token is replaced when it is used.
pub async fn verify(
    context: &Context<'_>,
    before: &mut Before,
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
            summary: format!(
                "requests without IAM permission are refused, including those of mcpo: {why}"
            ),
            is_complete: false,
            is_refused: true,
            contract_changes: None,
            contract: None,
        });
    }
    let was_here = before.serves;
    let mut plan = probe_plan(
        &address.base,
        before.password.as_ref(),
        &before.way,
        before.credentials.clone(),
    )?;
    plan.locked = before.lock.locked();
    let report = Box::pin(mcpo_probe::run(&plan, &mut Quiet)).await;
    before.report = Some(Document::Markdown.write(&report));
    if address.base == context.base_url() {
        lock::report_changes(context, before.contract.as_ref(), report.contract.as_ref());
    }
    check_report(context, before, &report, address)?;
    let mut verified = summary(&report, was_here, address);
    verified.contract = report.contract;
    if report.credentials.is_some() {
        before.credentials = report.credentials;
    }
    if matches!(before.way, Way::Private(_)) {
        verified
            .summary
            .push_str("; requests without IAM permission are refused");
    }
    Ok(verified)
}

/// Fails if a check of the report has failed.
fn check_report(
    context: &Context<'_>,
    before: &Before,
    report: &Report,
    address: &Address,
) -> Outcome<()> {
    // A server may have no tools, but a release must not lose them.
    let lost_tools = |check: &Check| {
        before.has_tools && check.rule.id == TOOLS_LIST && check.verdict == Verdict::Warn
    };
    let failed = report
        .checks
        .iter()
        .find(|check| check.verdict == Verdict::Fail || lost_tools(check));
    let Some(failed) = failed else {
        return Ok(());
    };
    // A second probe would find other faults, because this one has replaced the refresh token.
    mcpo_probe::print_checks(context.ui, report);
    let state = if address.is_released {
        "is released but fails a check"
    } else {
        "fails a check"
    };
    let Address { base, revision, .. } = address;
    Err(Failure::new(format!(
        "{revision} at {base}/mcp {state}: {}",
        failed.rule.title
    ))
    .because(&std::io::Error::other(failed.fault.seen.clone()))
    .hint(address.advice(&failed.fault.hint))
    .exit_with(Exit::CheckFailed))
}

/// Checks the revision at `address` as a user who connects for the first time: registers, signs in
/// and consents. [`verify`] does none of these if the tokens from before the release work.
pub async fn verify_sign_in(
    context: &Context<'_>,
    before: &Before,
    address: &Address,
) -> Outcome<()> {
    let mut plan = probe_plan(&address.base, before.password.as_ref(), &before.way, None)?;
    plan.locked = before.lock.locked();
    let report = Box::pin(mcpo_probe::run(&plan, &mut Quiet)).await;
    check_report(context, before, &report, address)?;
    if report.credentials.is_some() || !before.has_tokens() {
        return Ok(());
    }
    let Address { base, revision, .. } = address;
    let why = stopped(&report).map_or_else(
        || "it issued no tokens".to_owned(),
        |(title, because)| format!("{title}: {because}"),
    );
    Err(Failure::new(format!(
        "{revision} at {base}/mcp does not let a new user sign in"
    ))
    .because(&std::io::Error::other(why))
    .hint(address.advice("compare with the revision that serves, where mcpo could sign in"))
    .exit_with(Exit::CheckFailed))
}

/// Returns the check that could not run, and why.
fn stopped(report: &Report) -> Option<(&'static str, String)> {
    report.checks.iter().find_map(|check| match &check.verdict {
        Verdict::CouldNotRun { because } => Some((check.rule.title, because.clone())),
        _ => None,
    })
}

fn summary(report: &Report, was_here: bool, address: &Address) -> Verified {
    let passed = report
        .checks
        .iter()
        .filter(|check| check.verdict == Verdict::Pass)
        .count();
    let stopped = stopped(report);
    let kept = report
        .checks
        .iter()
        .any(|check| check.rule.id == "kept-refresh" && check.verdict == Verdict::Pass);
    let mut summary = format!("{} passed", count(passed, "check"));
    if kept {
        summary.push_str("; an existing client id and refresh token still work");
    } else if was_here {
        summary.push_str("; could not check whether existing tokens still work");
    }
    if let Some((title, because)) = &stopped {
        summary = format!("{summary}; stopped at {title}: {because}");
    }
    Verified {
        revision: address.revision.clone(),
        base: address.base.clone(),
        summary,
        is_complete: stopped.is_none() && (kept || !was_here),
        is_refused: false,
        contract: None,
        contract_changes: (report.comparison.as_ref()).map(|comparison| comparison.changes.clone()),
    }
}
