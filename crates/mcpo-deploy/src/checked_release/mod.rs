//! Checked releases: a new revision is verified before any user's request reaches it, then serves
//! growing shares of the requests, and is verified again at each share. If a check fails, the
//! traffic is put back.
//!
//! The state of a checked release is in the service: the shares, the tag of the new revision, and an
//! annotation with the shares of the old ones. Until the last check has passed, all targets name
//! their revisions and the tag stays. A run that was interrupted is therefore continued by the same
//! command, without repeating a write.

mod steps;

use std::time::Instant;

use mcpo_common::error::{Exit, Failure, Outcome};
use serde_json::{Value, json};

use self::steps::Steps;
use crate::{
    args::DeployArgs,
    context::Context,
    google::api::run::Service,
    history,
    plan::{Observed, Plan},
    release::{self, Released},
    report::seconds,
    shares::names_of,
    traffic::{self, CHECK_TAG, Share, Wanted, serving},
    verify::{self, Before, Verified},
};

/// How a new revision is checked before it serves all requests.
#[derive(Debug)]
pub struct CheckedRelease {
    /// The share and the tag of the new revision before its first check.
    pub first: Wanted,
    /// The shares in percent at which it is checked, increasing, without 0 and 100.
    steps: Vec<u8>,
    /// The traffic after the last check.
    end: Wanted,
}

/// The result of a checked release.
pub struct Checked {
    /// The last verification, at the public address.
    pub last: Verified,
    /// The `checked` member of the JSON report.
    pub report: Value,
}

impl CheckedRelease {
    /// Decides whether the release is checked, and adds a line to the plan if it is. Returns `None`
    /// if the new revision serves all requests at once.
    pub fn choose(
        args: &DeployArgs,
        context: &Context<'_>,
        seen: &Observed,
        plan: &mut Plan,
        end: &Wanted,
    ) -> Outcome<Option<Self>> {
        let settings = &context.settings;
        let is_wanted = !args.fast && !args.no_verify && end.share == Share::Everything;
        let is_chosen = args.safe || !settings.is_private;
        let current = seen.service.as_ref();
        if !is_wanted || !is_chosen || !current.is_some_and(|it| is_protecting(it, plan)) {
            return Ok(None);
        }
        if let Some(why) = unreachable_tag(context) {
            if args.safe {
                return Err(Failure::new(format!(
                    "the new revision cannot be checked before it serves: {why}"
                ))
                .hint(without_check(context)));
            }
            context.ui.warn(format_args!(
                "the new revision is not checked before it serves: {why}"
            ));
            return Ok(None);
        }
        let steps = settings.release_steps.clone();
        let shares: Vec<_> = [0].iter().chain(&steps).map(u8::to_string).collect();
        plan.check = Some(format!(
            "checked release: the new revision serves {} and 100 % of the requests in turn, and is \
             verified each time",
            shares.join(", ")
        ));
        Ok(Some(Self {
            first: Wanted {
                share: Share::Kept,
                tag: Some(CHECK_TAG.to_owned()),
            },
            steps,
            end: end.clone(),
        }))
    }

    /// Fails if no revision can be checked. Call it before the first change.
    pub fn check_possible(context: &Context<'_>, before: &Before) -> Outcome<()> {
        match before.obstacle() {
            None => Ok(()),
            Some(why) => Err(Failure::new(format!(
                "the new revision cannot be checked before it serves: {why}"
            ))
            .hint(without_check(context))),
        }
    }

    /// Continues a release whose service is already written. Only the tag may be missing.
    pub async fn resume(&self, context: &Context<'_>, service: &Service) -> Outcome<Released> {
        let mut released = release::settle(context, Some(service)).await?;
        let service = &released.service;
        if !history::is_checked(service, &released.revision) {
            let revision = &released.revision;
            let (targets, before) = match history::interrupted(service, revision) {
                Some((_, restored)) => {
                    let targets = self.first.targets(Some(&restored), revision)?;
                    (targets, serving(&restored))
                }
                None => {
                    let targets = traffic::with_tag(service, CHECK_TAG, revision);
                    (targets, Vec::new())
                }
            };
            released.service = release::set_traffic(context, service, &targets, &before).await?;
            released.traffic = targets;
        }
        Ok(released)
    }

    /// Checks the new revision at each share. On failure, puts the traffic back to the revisions
    /// that served before.
    pub async fn run(
        &self,
        context: &Context<'_>,
        before: &mut Before,
        released: &Released,
        began: Instant,
    ) -> Outcome<Checked> {
        let mut steps = Steps::begin(self, context, released)?;
        let mut checks = match steps.check(before).await {
            Ok(checks) => checks,
            Err(failure) => return Err(steps.put_back(failure).await),
        };
        steps.end().await?;
        let shares: Vec<_> = checks
            .iter()
            .map(|check| check.percent.to_string())
            .collect();
        context.ui.step(
            "Checked",
            format_args!(
                "{} → {} at {} % of the requests, after {}",
                names_of(steps.old()),
                released.revision,
                shares.join(", "),
                seconds(began.elapsed())
            ),
        );
        let report = checks
            .iter()
            .map(|check| json!({ "percent": check.percent, "verified": check.verified.summary }))
            .collect();
        let last = checks.pop().map(|check| check.verified);
        let last = last.ok_or_else(|| Failure::new("the new revision was not checked"))?;
        verify::accept(context, &last)?;
        Ok(Checked { last, report })
    }
}

/// Returns true if users are served now, and the deployment would change which revision serves
/// them.
fn is_protecting(service: &Service, plan: &Plan) -> bool {
    let newest = service.latest_created();
    let is_unfinished =
        traffic::share_of(service, newest) < 100 || history::is_checked(service, newest);
    let is_shifted = plan.traffic.is_some() && is_unfinished;
    !serving(service).is_empty() && (plan.makes_revision || is_shifted)
}

/// Returns why mcpo cannot send requests to the address of the tag.
fn unreachable_tag(context: &Context<'_>) -> Option<String> {
    // The address of a tag is not behind a load balancer.
    if !context.settings.has_public_ingress() {
        return Some("its address is not reachable from the internet".to_owned());
    }
    let long = context.names.checked_host(Some(CHECK_TAG)).err()?;
    Some(format!(
        "its address {} would be longer than 63 characters",
        long.host
    ))
}

/// Returns the hint with the command that releases without a check.
fn without_check(context: &Context<'_>) -> String {
    format!(
        "release it without this check: {}",
        context.invocation.with("--fast")
    )
}

/// The revision could not be checked, because each request of mcpo was refused.
fn refused(context: &Context<'_>, verified: &Verified) -> Failure {
    let Verified {
        revision, summary, ..
    } = verified;
    Failure::new(format!("{revision} cannot be checked: {summary}"))
        .hint(without_check(context))
        .exit_with(Exit::CheckFailed)
}
