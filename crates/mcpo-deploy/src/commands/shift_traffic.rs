//! Shifts all traffic to the latest or to an earlier revision.

use std::time::Instant;

use mcpo_common::error::{Exit, Failure, Outcome};
use serde_json::json;

use super::{Context, existing, revisions};
use crate::{
    args::DeployArgs,
    domain_setup,
    google::{
        api::run::{Container, Revision, Service, TrafficTarget},
        method,
    },
    history,
    plan::{Line, shares},
    preview::tag_of,
    release,
    report::{self, seconds},
    shares::{main_of, without},
    traffic::{self, NEXT_TAG},
    verify::{self, Address, Before, Lock, Verified},
};

/// A shift of the traffic, and how it is reported.
struct TrafficShift {
    /// The revision that serves all requests afterwards.
    to: String,
    traffic: Vec<TrafficTarget>,
    /// `Promoted` or `Rolled back`.
    verb: &'static str,
    /// The revision that served before; `None` for a promotion.
    from: Option<String>,
    /// The containers of the revision `to`, which decide which password it uses.
    containers: Vec<Container>,
}

/// Sends all requests to the latest revision, after checking it at its tag's address.
pub async fn promote(context: &Context<'_>, args: &DeployArgs) -> Outcome {
    let service = existing(context).await?;
    let to = service.latest_ready().unwrap_or_default().to_owned();
    let shift = TrafficShift {
        traffic: traffic::latest(&service),
        to,
        verb: "Promoted",
        from: None,
        containers: service.containers().to_vec(),
    };
    let is_done = traffic::same(&service.traffic, &shift.traffic);
    carry_out(context, args, service, &shift, is_done).await
}

/// Sends all requests to `wanted`. Without a name, to the last revision that served all requests
/// before the newest one that serves now. A revision that never served users may be broken.
pub async fn rollback(context: &Context<'_>, wanted: &str, args: &DeployArgs) -> Outcome {
    let service = existing(context).await?;
    let all = revisions(context).await?;
    let good: Vec<_> = all
        .iter()
        .filter(|revision| revision.is_ready() && tag_of(revision).is_none())
        .map(|revision| revision.short_name().to_owned())
        .collect();
    if let Some(tag) = all
        .iter()
        .find(|one| one.short_name() == wanted)
        .and_then(tag_of)
    {
        let what = format!("{wanted} is the revision of the preview {tag}");
        return Err(Failure::new(what).hint(
            "it has the address, key ring and password of the preview; deploy its source without --preview",
        ));
    }
    let serving = traffic::serving(&service);
    let is_serving = |name: &&str| serving.iter().any(|(one, _)| one == name);
    let now = all.iter().map(Revision::short_name).find(is_serving);
    let served = history::served(&service);
    let found = if wanted.is_empty() {
        previous(&good, now, &served)
    } else {
        named(&good, wanted)
    };
    let target = found.map_err(|failure| {
        let others: Vec<_> = good
            .iter()
            .filter(|name| Some(name.as_str()) != now)
            .collect();
        let Some(other) = others.first() else {
            return failure;
        };
        let command = context.invocation.with(&format!("--rollback {other}"));
        let names: Vec<_> = others.iter().map(|name| name.as_str()).collect();
        failure.hint(format!(
            "choose one of: {}; such as: {command}",
            names.join(", ")
        ))
    })?;
    let is_done = now == Some(&target) && serving.len() == 1;
    let revision = |one: &&Revision| one.short_name() == target;
    let containers = all.iter().find(revision).map(|one| one.containers.clone());
    let shift = TrafficShift {
        traffic: traffic::only(&service, &target),
        containers: containers.unwrap_or_default(),
        to: target,
        verb: "Rolled back",
        from: now.map(str::to_owned),
    };
    carry_out(context, args, service, &shift, is_done).await
}

/// Returns the newest revision that is older than `now` and has served. `good` are the revisions
/// that became ready, newest first.
fn previous(good: &[String], now: Option<&str>, served: &[String]) -> Outcome<String> {
    history::rollback_target(good, now, served).ok_or_else(|| {
        let mut others = good.iter().skip_while(|name| Some(name.as_str()) != now);
        Failure::new(if others.nth(1).is_none() {
            "there is no earlier revision to roll back to"
        } else {
            "no earlier revision is known to have served all requests"
        })
    })
}

fn named(good: &[String], wanted: &str) -> Outcome<String> {
    let found = good.iter().find(|name| *name == wanted).cloned();
    found.ok_or_else(|| Failure::new(format!("{wanted} is not a working revision")))
}

async fn carry_out(
    context: &Context<'_>,
    args: &DeployArgs,
    service: Service,
    shift: &TrafficShift,
    is_done: bool,
) -> Outcome {
    let began = Instant::now();
    let change = (!is_done).then(|| Line {
        sign: '~',
        text: format!(
            "traffic: {} → {}",
            shares(&service.traffic),
            shares(&shift.traffic)
        ),
        methods: vec![method::SERVICE_PATCH.id],
    });
    let lines: Vec<_> = change.into_iter().collect();
    if args.dry_run {
        report::plan(context, &lines);
        return Ok(report::dry_run(args.json, context, &lines));
    }
    let to = &shift.to;
    if is_done {
        context.ui.step(
            "Unchanged",
            format_args!("{to} already serves all requests"),
        );
        tell(context, args, "unchanged", &lines, to, None);
        return Ok(Exit::Success);
    }
    let base = domain_setup::base_after_shift(context, service.containers(), &shift.containers);
    let mut before = if !args.no_verify && verify::is_reachable(context) {
        let lock = match shift.from {
            None => Lock::read(context, "--promote --accept-changes")?,
            // The file describes a newer revision.
            Some(_) => Lock::default(),
        };
        Some(verify::before_shift(context, &shift.containers, lock).await?)
    } else {
        None
    };
    let undo = undo(context, &service, shift);
    let service = match &mut before {
        // A revision that has not served yet is checked before it serves. An earlier revision has
        // served already.
        Some(before) if shift.from.is_none() => {
            probe_first(context, before, service, shift, undo.clone()).await?
        }
        _ => service,
    };
    let traffic = shift.targets(&service);
    release::set_traffic(context, &service, &traffic, &[]).await?;
    let after = seconds(began.elapsed());
    match &shift.from {
        Some(from) => {
            context
                .ui
                .step(shift.verb, format_args!("{from} → {to}, after {after}"));
            context.ui.say(
                "           the next deployment sends all requests to the latest revision again",
            );
        }
        None => context.ui.step(
            shift.verb,
            format_args!("{to} serves all requests, after {after}"),
        ),
    }
    let verified = match &mut before {
        Some(before) => {
            let address = Address {
                base: base.clone(),
                revision: to.clone(),
                is_released: true,
                undo,
            };
            let verified = verify::verify(context, before, &address).await?;
            verify::accept(context, &verified)?;
            report::verified(context.ui, &verified);
            Some(verified)
        }
        None => None,
    };
    let outcome = shift.verb.to_lowercase();
    tell(context, args, &outcome, &lines, to, verified.as_ref());
    Ok(Exit::Success)
}

impl TrafficShift {
    /// Recomputes the targets for the current service, which may have a new tag.
    fn targets(&self, service: &Service) -> Vec<TrafficTarget> {
        if self.from.is_some() {
            traffic::only(service, &self.to)
        } else {
            traffic::latest(service)
        }
    }
}

/// Returns the command that restores the revision that serves most requests now.
fn undo(context: &Context<'_>, service: &Service, shift: &TrafficShift) -> Option<String> {
    let others = without(&traffic::serving(service), &shift.to);
    let main = main_of(&others)?;
    Some(context.invocation.with(&format!("--rollback {main}")))
}

/// Checks the revision at its tag's address before it serves all requests. Adds a tag if it has
/// none.
async fn probe_first(
    context: &Context<'_>,
    before: &mut Before,
    service: Service,
    shift: &TrafficShift,
    undo: Option<String>,
) -> Outcome<Service> {
    let find = |service: &Service| {
        let tags = traffic::tags(service).into_iter();
        let mut tags = tags.filter(|(_, revision)| *revision == shift.to);
        tags.next().map(|(tag, _)| tag)
    };
    let (service, tag) = match find(&service) {
        Some(tag) => (service, tag),
        None => {
            let tagged = traffic::with_tag(&service, NEXT_TAG, &shift.to);
            let service = release::set_traffic(context, &service, &tagged, &[]).await?;
            (service, NEXT_TAG.to_owned())
        }
    };
    let address = Address {
        base: context.names.tag_url(&tag),
        revision: shift.to.clone(),
        is_released: true,
        undo,
    };
    let verified = verify::verify(context, before, &address).await?;
    report::verified(context.ui, &verified);
    Ok(service)
}

fn tell(
    context: &Context<'_>,
    args: &DeployArgs,
    outcome: &str,
    lines: &[Line],
    revision: &str,
    verified: Option<&Verified>,
) {
    if args.json {
        let mut document = report::plan_as_json(context, lines, outcome);
        document["revision"] = json!(revision);
        document["verified"] = verified.map(|verified| verified.summary.clone()).into();
        context.ui.result(document);
    } else {
        context.ui.result(revision);
    }
}

#[cfg(test)]
mod tests {
    use super::previous;

    #[test]
    fn rollback_skips_revisions_that_never_served_all_requests() {
        let list =
            |names: &[&str]| -> Vec<_> { names.iter().map(|&name| name.to_owned()).collect() };
        let good = list(&["d", "c", "b", "a"]);
        let back = |now, served: &[&str]| previous(&good, Some(now), &list(served));
        // A checked release has rejected c.
        assert_eq!(back("d", &["a", "b", "d"]).unwrap(), "b");
        assert_eq!(back("b", &["a", "b", "d"]).unwrap(), "a");
        let failure = back("b", &["b", "d"]).unwrap_err();
        assert!(failure.what().contains("known to have served"), "{failure}");
        let failure = back("a", &["a", "b"]).unwrap_err();
        assert!(failure.what().contains("no earlier revision"), "{failure}");
    }
}
