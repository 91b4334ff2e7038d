//! Checked releases: a new revision is verified before any user's request reaches it, then serves
//! growing shares of the requests, and is verified again at each share. If a check fails, the
//! traffic is put back.
//!
//! The state of a checked release is in the service: the shares, and the tag of the new revision. A
//! run that was interrupted is therefore continued by the same command, without repeating a write.

use std::time::Instant;

use mcpo_common::error::{Exit, Failure, Outcome};
use serde_json::{Value, json};

use crate::{
    args::DeployArgs,
    context::Context,
    google::api::run::{Service, TrafficTarget},
    names::Names,
    plan::{Observed, Plan},
    release::{self, Released},
    report::{self, seconds},
    traffic::{self, CHECK_TAG, Share, Wanted, serving},
    verify::{self, Address, Before, Verified},
};

/// How a new revision is checked before it serves all requests.
#[derive(Debug)]
pub struct CheckedRelease {
    /// The share and the tag of the new revision before its first check.
    pub first: Wanted,
    /// The tag at whose address the new revision is checked.
    tag: String,
    /// The shares in percent at which it is checked, increasing, without 0 and 100.
    steps: Vec<u8>,
    /// The traffic after the last check.
    end: Wanted,
}

/// A check that has passed.
struct Check {
    percent: i64,
    verified: Verified,
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
        let tag = end.tag.clone().unwrap_or_else(|| CHECK_TAG.to_owned());
        let is_protecting = |service: &Service| {
            let is_shifted = || {
                plan.traffic.is_some() && traffic::share_of(service, service.latest_created()) < 100
            };
            !serving(service).is_empty() && (plan.makes_revision || is_shifted())
        };
        if !is_wanted || !seen.service.as_ref().is_some_and(is_protecting) {
            return Ok(None);
        }
        // The address of a tag is not behind a load balancer.
        let obstacle = if !settings.has_public_ingress() {
            Some("its address is not reachable from the internet".to_owned())
        } else if !fits(&context.names, &tag) {
            let host = context.names.tag_url(&tag);
            Some(format!(
                "its address {host} would be longer than 63 characters"
            ))
        } else {
            None
        };
        match obstacle {
            Some(why) if args.safe => {
                return Err(Failure::new(format!(
                    "the new revision cannot be checked before it serves: {why}"
                ))
                .hint("release it without this check: --fast"));
            }
            Some(why) => {
                context.ui.warn(format_args!(
                    "the new revision is not checked before it serves: {why}"
                ));
                return Ok(None);
            }
            None if settings.is_private && !args.safe => return Ok(None),
            None => {}
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
                tag: Some(tag.clone()),
            },
            tag,
            steps,
            end: end.clone(),
        }))
    }

    /// Continues a release whose service is already written. Only the tag may be missing.
    pub async fn resume(&self, context: &Context<'_>, service: &Service) -> Outcome<Released> {
        let mut released = release::settle(context, Some(service)).await?;
        let service = &released.service;
        let tags = traffic::tags(service);
        let is_tagged =
            |(tag, name): &(String, String)| *tag == self.tag && *name == released.revision;
        if !tags.iter().any(is_tagged) {
            let targets = traffic::with_tag(service, &self.tag, &released.revision);
            released.service = release::set_traffic(context, service, &targets).await?;
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
        if let Some(why) = before.obstacle() {
            let what = format!("{} cannot be checked: {why}", released.revision);
            return Err(Failure::new(what)
                .hint("release it without a check: --fast")
                .exit_with(Exit::CheckFailed));
        }
        let revision = &released.revision;
        let mut service = released.service.clone();
        let old = others(&serving(&service), revision);
        let mut checks: Vec<Check> = Vec::new();
        // The last allocation that this run wrote, or tried to write.
        let mut written = service.traffic.clone();
        // An interrupted run may have sent requests to the revision already.
        let first = traffic::share_of(&service, revision);
        let steps = self.steps.iter().map(|step| i64::from(*step));
        let later = steps.filter(|step| *step > first).chain([100]);
        for percent in [first].into_iter().chain(later) {
            let checked = async {
                if percent > first {
                    written = self.targets(&service, &old, revision, percent)?;
                    service = release::set_traffic(context, &service, &written).await?;
                    let what = match percent {
                        100 => "all requests".to_owned(),
                        _ => format!("{percent} % of the requests"),
                    };
                    context
                        .ui
                        .step("Shifted", format_args!("{what} to {revision}"));
                }
                let address = self.address(context, revision, percent);
                verify::verify(context, before, &address).await
            };
            match checked.await {
                Ok(verified) => {
                    report::verified(context.ui, &verified);
                    checks.push(Check { percent, verified });
                }
                Err(failure) => {
                    let ours = [&*written, &service.traffic];
                    let put_back = self.put_back(context, ours, &old, revision, failure);
                    return Err(put_back.await);
                }
            }
        }
        let shares: Vec<_> = checks
            .iter()
            .map(|check| check.percent.to_string())
            .collect();
        context.ui.step(
            "Checked",
            format_args!(
                "{} → {revision} at {} % of the requests, after {}",
                names_of(&old),
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
        Ok(Checked { last, report })
    }

    /// Returns the targets that send this share of the requests to the new revision.
    fn targets(
        &self,
        service: &Service,
        old: &[(String, i64)],
        revision: &str,
        percent: i64,
    ) -> Outcome<Vec<TrafficTarget>> {
        match percent {
            100 => self.end.targets(Some(service), revision),
            _ => traffic::shared(service, old, revision, percent, &self.tag),
        }
    }

    /// While the revision serves a part of the requests, a check of the public address would mostly
    /// reach the other revision.
    fn address(&self, context: &Context<'_>, revision: &str, percent: i64) -> Address {
        let base = match percent {
            100 => context.names.base_url(&context.settings),
            _ => context.names.tag_url(&self.tag),
        };
        Address {
            base,
            revision: revision.to_owned(),
            undo: None,
        }
    }

    /// Puts the traffic back to the revisions that served before, if it is one of the allocations
    /// `ours`. The tag stays at the new revision, so that the fault can be examined there.
    async fn put_back(
        &self,
        context: &Context<'_>,
        ours: [&[TrafficTarget]; 2],
        old: &[(String, i64)],
        revision: &str,
        failure: Failure,
    ) -> Failure {
        let advice = failure.hint_text().unwrap_or("fix the cause").to_owned();
        let (old_names, tagged) = (names_of(old), context.names.tag_url(&self.tag));
        let restored = async {
            // A write whose response was lost may be in effect.
            let service = release::current(context).await?;
            if traffic::share_of(&service, revision) == 0 {
                return Ok(false);
            }
            if !ours
                .iter()
                .any(|targets| traffic::same(targets, &service.traffic))
            {
                return Err(Failure::new("someone else has changed it at the same time"));
            }
            let targets = traffic::shared(&service, old, revision, 0, &self.tag)?;
            release::set_traffic(context, &service, &targets).await?;
            Ok(true)
        };
        match restored.await {
            Ok(is_changed) => {
                if is_changed {
                    context.ui.step(
                        "Restored",
                        format_args!("the traffic of {old_names}, as before"),
                    );
                }
                failure.hint(format!(
                    "{advice}; {old_names} serves all requests as before, and {revision} is at \
                     {tagged}/mcp; to release it in spite of this: --fast"
                ))
            }
            Err(problem) => {
                let old = old.first().map_or("", |(name, _)| name);
                let words = format!("--rollback {old} --no-verify");
                failure.hint(format!(
                    "{advice}; the traffic was not put back: {}; to do so: {}",
                    problem.what(),
                    context.invocation.with(&words)
                ))
            }
        }
    }
}

/// Returns the shares of the other revisions.
fn others(serving: &[(String, i64)], revision: &str) -> Vec<(String, i64)> {
    let serving = serving.iter();
    serving
        .filter(|(name, _)| name != revision)
        .cloned()
        .collect()
}

fn names_of(shares: &[(String, i64)]) -> String {
    let names: Vec<_> = shares.iter().map(|(name, _)| name.as_str()).collect();
    names.join(", ")
}

/// Returns true if the host name of the tag has a valid length (RFC 1035 §2.3.4).
fn fits(names: &Names, tag: &str) -> bool {
    let host = format!("{tag}---{}", names.host());
    host.split('.')
        .next()
        .is_some_and(|label| label.len() <= 63)
}
