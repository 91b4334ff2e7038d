//! Who takes the calls: the latest revision, or an earlier one.

use std::time::Instant;

use serde_json::{Value, json};

use super::{Context, existing, is_ready, revisions, short};
use crate::{
    deploy::{
        args::DeployArgs,
        google::method,
        plan::{Line, shares},
        release,
        report::{self, seconds},
        traffic,
    },
    error::{Exit, Failure, Outcome},
};

/// Who is to take the calls, and how that is told.
struct Shift {
    /// The revision that takes all calls afterwards.
    to: String,
    traffic: Value,
    /// `Promoted`, `Rolled back`.
    verb: &'static str,
    /// What was before, or nothing worth saying.
    from: Option<String>,
}

/// All calls to the latest revision.
pub async fn promote(context: &Context<'_>, args: &DeployArgs) -> Outcome {
    let service = existing(context).await?;
    let latest = service["latestReadyRevision"].as_str().unwrap_or_default();
    let shift = Shift {
        to: latest.rsplit('/').next().unwrap_or_default().to_owned(),
        traffic: traffic::latest(&service),
        verb: "Promoted",
        from: None,
    };
    let is_done = service["traffic"] == shift.traffic;
    carry_out(context, args, &service, &shift, is_done).await
}

/// All calls to `wanted`, or to the revision before the one that takes most of them.
pub async fn rollback(context: &Context<'_>, wanted: &str, args: &DeployArgs) -> Outcome {
    let service = existing(context).await?;
    let all = revisions(context).await?;
    let good: Vec<_> = all
        .iter()
        .filter(|revision| is_ready(revision))
        .map(short)
        .collect();
    let serving = traffic::serving(&service);
    let now = serving
        .iter()
        .max_by_key(|(_, share)| *share)
        .map(|(name, _)| name.clone());
    let target = choose(&good, now.as_deref(), wanted)?;
    let is_done = now.as_ref() == Some(&target) && serving.len() == 1;
    let shift = Shift {
        traffic: traffic::only(&service, &target),
        to: target,
        verb: "Rolled back",
        from: now,
    };
    carry_out(context, args, &service, &shift, is_done).await
}

fn choose(good: &[String], now: Option<&str>, wanted: &str) -> Outcome<String> {
    if wanted.is_empty() {
        let after = good
            .iter()
            .skip_while(|name| Some(name.as_str()) != now)
            .nth(1);
        return after
            .cloned()
            .ok_or_else(|| Failure::new("there is no earlier revision to go back to"));
    }
    let found = good.iter().find(|name| *name == wanted).cloned();
    found.ok_or_else(|| {
        Failure::new(format!("there is no working revision {wanted}"))
            .hint(format!("choose one of: {}", good.join(", ")))
    })
}

async fn carry_out(
    context: &Context<'_>,
    args: &DeployArgs,
    service: &Value,
    shift: &Shift,
    is_done: bool,
) -> Outcome {
    let began = Instant::now();
    let change = (!is_done).then(|| Line {
        sign: '~',
        text: format!(
            "traffic: {} → {}",
            shares(&service["traffic"]),
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
        context
            .ui
            .step("Unchanged", format_args!("{to} takes all calls already"));
        tell(context, args, "unchanged", &lines, to);
        return Ok(Exit::Success);
    }
    release::set_traffic(context, service, &shift.traffic).await?;
    let after = seconds(began.elapsed());
    match &shift.from {
        Some(from) => {
            context
                .ui
                .step(shift.verb, format_args!("{from} → {to}, after {after}"));
            context
                .ui
                .say("           the next deploy gives the calls to the latest revision again");
        }
        None => context.ui.step(
            shift.verb,
            format_args!("{to} takes all calls, after {after}"),
        ),
    }
    tell(context, args, &shift.verb.to_lowercase(), &lines, to);
    Ok(Exit::Success)
}

fn tell(context: &Context<'_>, args: &DeployArgs, outcome: &str, lines: &[Line], revision: &str) {
    if args.json {
        let mut document = report::plan_as_json(context, lines, outcome);
        document["revision"] = json!(revision);
        context.ui.result(document);
    } else {
        context.ui.result(revision);
    }
}
