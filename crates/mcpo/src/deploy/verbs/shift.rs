//! Who takes the calls: the latest revision, or an earlier one.

use std::time::Instant;

use super::{Context, existing, is_ready, revisions, short};
use crate::{
    deploy::{release, report::seconds, traffic},
    error::{Exit, Failure, Outcome},
};

/// All calls to the latest revision.
pub async fn promote(context: &Context<'_>) -> Outcome {
    let began = Instant::now();
    let service = existing(context).await?;
    let wanted = traffic::latest(&service);
    let latest = service["latestReadyRevision"].as_str().unwrap_or_default();
    let latest = latest.rsplit('/').next().unwrap_or_default().to_owned();
    if service["traffic"] == wanted {
        context.ui.step(
            "Unchanged",
            format_args!("{latest} takes all calls already"),
        );
        return Ok(Exit::Success);
    }
    release::set_traffic(context, &service, &wanted).await?;
    context.ui.step(
        "Promoted",
        format_args!(
            "{latest} takes all calls, after {}",
            seconds(began.elapsed())
        ),
    );
    context.ui.result(&latest);
    Ok(Exit::Success)
}

/// All calls to `wanted`, or to the revision before the one that takes most of them.
pub async fn rollback(context: &Context<'_>, wanted: &str) -> Outcome {
    let began = Instant::now();
    let service = existing(context).await?;
    let all = revisions(context).await?;
    let good: Vec<_> = all
        .iter()
        .filter(|revision| is_ready(revision))
        .map(short)
        .collect();
    let now = traffic::serving(&service)
        .into_iter()
        .max_by_key(|(_, share)| *share)
        .map(|(name, _)| name);
    let target = if wanted.is_empty() {
        let after = good
            .iter()
            .skip_while(|name| Some(*name) != now.as_ref())
            .nth(1);
        after
            .cloned()
            .ok_or_else(|| Failure::new("there is no earlier revision to go back to"))?
    } else {
        let found = good.iter().find(|name| *name == wanted).cloned();
        found.ok_or_else(|| {
            Failure::new(format!("there is no working revision {wanted}"))
                .hint(format!("choose one of: {}", good.join(", ")))
        })?
    };
    if now.as_ref() == Some(&target) && traffic::serving(&service).len() == 1 {
        context.ui.step(
            "Unchanged",
            format_args!("{target} takes all calls already"),
        );
        return Ok(Exit::Success);
    }
    release::set_traffic(context, &service, &traffic::only(&service, &target)).await?;
    let from = now.unwrap_or_default();
    context.ui.step(
        "Rolled back",
        format_args!("{from} → {target}, after {}", seconds(began.elapsed())),
    );
    context
        .ui
        .say("           the next deploy gives the calls to the latest revision again");
    context.ui.result(&target);
    Ok(Exit::Success)
}
