//! What runs there.

use serde_json::json;

use super::{Context, existing, is_ready, revisions, short};
use crate::{
    deploy::traffic::serving,
    error::{Exit, Outcome},
};

/// Prints the service's state; a service that does not work is a failed check.
pub async fn status(context: &Context<'_>, as_json: bool) -> Outcome {
    let service = existing(context).await?;
    let revisions = revisions(context).await?;
    let serving = serving(&service);
    let condition = &service["terminalCondition"];
    let is_good = condition["state"] == "CONDITION_SUCCEEDED";
    let url = format!("{}/mcp", context.names.base_url(&context.settings));
    if as_json {
        let revisions: Vec<_> = revisions
            .iter()
            .map(|revision| {
                let name = short(revision);
                let share = serving.iter().find(|(one, _)| *one == name).map_or(0, |(_, share)| *share);
                json!({ "name": name, "percent": share, "ready": is_ready(revision), "created": revision["createTime"] })
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
        for revision in revisions.iter().take(10) {
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
            let created = revision["createTime"].as_str().unwrap_or_default();
            context.ui.result(format_args!(
                "  {share:>3} %  {name}  {}{mark}",
                created.get(..16).unwrap_or(created)
            ));
        }
    }
    Ok(if is_good {
        Exit::Success
    } else {
        Exit::CheckFailed
    })
}
