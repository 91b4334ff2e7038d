//! Prints the state of the service.

use mcpo_common::error::{Exit, Outcome};
use serde_json::{Value, json};

use super::{Context, existing, is_ready, revisions, short};
use crate::traffic::{serving, tags};

/// Prints the service's revisions. A service that is not ready exits like a failed check.
pub async fn status(context: &Context<'_>, as_json: bool) -> Outcome {
    let service = existing(context).await?;
    let revisions = revisions(context).await?;
    let serving = serving(&service);
    let tags = tags(&service);
    let of = |name: &str| -> Vec<&str> {
        let found = tags.iter().filter(|(_, revision)| revision == name);
        found.map(|(tag, _)| tag.as_str()).collect()
    };
    let condition = &service["terminalCondition"];
    let is_good = condition["state"] == "CONDITION_SUCCEEDED";
    let url = format!("{}/mcp", context.names.base_url(&context.settings));
    if as_json {
        let revisions: Vec<_> = revisions
            .iter()
            .map(|revision| {
                let name = short(revision);
                let share = serving.iter().find(|(one, _)| *one == name).map_or(0, |(_, share)| *share);
                json!({ "name": name, "percent": share, "ready": is_ready(revision), "created": revision["createTime"], "tags": of(&name) })
            })
            .collect();
        let summary = json!({
            "schema": 1, "service": context.names.service_id, "url": url, "ready": is_good,
            "message": condition["message"], "revisions": revisions, "traffic": service["trafficStatuses"],
        });
        context.ui.result(format_args!("{summary:#}"));
    } else {
        context
            .ui
            .result(format_args!("{}  {url}", context.names.service_id));
        let state = if is_good {
            "ready"
        } else {
            condition["message"].as_str().unwrap_or("not ready")
        };
        context.ui.result(format_args!("  {state}"));
        let is_shown = |(index, revision): &(usize, &Value)| {
            let name = short(revision);
            *index < 10 || !of(&name).is_empty() || serving.iter().any(|(one, _)| *one == name)
        };
        for (_, revision) in revisions.iter().enumerate().filter(is_shown) {
            let name = short(revision);
            let share = serving
                .iter()
                .find(|(one, _)| *one == name)
                .map_or(0, |(_, share)| *share);
            let mark = if is_ready(revision) {
                ""
            } else {
                "  never became ready"
            };
            let tagged = of(&name);
            let tagged: Vec<_> = tagged
                .iter()
                .map(|tag| format!("  {tag}: {}/mcp", context.names.tag_url(tag)))
                .collect();
            let created = revision["createTime"].as_str().unwrap_or_default();
            context.ui.result(format_args!(
                "  {share:>3} %  {name}  {}{mark}{}",
                created.get(..16).unwrap_or(created),
                tagged.concat()
            ));
        }
    }
    Ok(if is_good {
        Exit::Success
    } else {
        Exit::CheckFailed
    })
}
