//! What the service wrote.

use std::time::Duration;

use serde_json::{Value, json};

use super::{
    context::Context,
    google::{During as _, Request, Trouble, method},
};
use crate::error::{Exit, Outcome};

const LINES: u32 = 100;
const PAUSE: Duration = Duration::from_secs(1);

/// The last entries, oldest first.
pub async fn last(
    context: &Context<'_>,
    revision: Option<&str>,
    count: u32,
) -> Result<Vec<Value>, Trouble> {
    let mut entries = list(context, revision, None, "timestamp desc", count).await?;
    entries.reverse();
    Ok(entries)
}

async fn list(
    context: &Context<'_>,
    revision: Option<&str>,
    after: Option<&str>,
    order: &str,
    count: u32,
) -> Result<Vec<Value>, Trouble> {
    let names = &context.names;
    let mut filter = format!(
        "resource.type=\"cloud_run_revision\" AND resource.labels.service_name=\"{}\" AND resource.labels.location=\"{}\"",
        names.service_id, names.region
    );
    if let Some(revision) = revision {
        filter = format!("{filter} AND resource.labels.revision_name=\"{revision}\"");
    }
    if let Some(after) = after {
        filter = format!("{filter} AND timestamp>=\"{after}\"");
    }
    let body = json!({
        "resourceNames": [format!("projects/{}", names.project)],
        "filter": filter,
        "orderBy": order,
        "pageSize": count,
    });
    let request = Request {
        path: "v2/entries:list",
        query: &[],
        body: Some(&body),
    };
    let answer = context.google.call(&method::LOGS_LIST, request).await?;
    Ok(answer["entries"].as_array().cloned().unwrap_or_default())
}

/// Prints the last entries, and with `follow` all later ones until Ctrl-C.
pub async fn print(context: &Context<'_>, follow: bool, as_json: bool) -> Outcome {
    let during = "failed to read the logs";
    let mut seen: Vec<String> = Vec::new();
    let mut newest = None;
    let mut entries = last(context, None, LINES).await.during(during)?;
    loop {
        for entry in &entries {
            let id = entry["insertId"].as_str().unwrap_or_default();
            if seen.iter().any(|known| known == id) {
                continue;
            }
            seen.push(id.to_owned());
            newest = entry["timestamp"].as_str().map(str::to_owned).or(newest);
            if as_json {
                context.ui.result(entry);
            } else {
                context.ui.result(line(entry));
            }
        }
        if !follow {
            return Ok(Exit::Success);
        }
        // Only those of the newest moment can come again.
        let excess = seen.len().saturating_sub(10 * LINES as usize);
        seen.drain(..excess);
        tokio::time::sleep(PAUSE).await;
        entries = list(
            context,
            None,
            newest.as_deref(),
            "timestamp asc",
            10 * LINES,
        )
        .await
        .during(during)?;
    }
}

/// An entry in one line.
pub fn line(entry: &Value) -> String {
    let time = entry["timestamp"].as_str().unwrap_or_default();
    let time = time
        .split_once('T')
        .map_or(time, |(_, clock)| clock.get(..8).unwrap_or(clock));
    let severity = entry["severity"]
        .as_str()
        .filter(|severity| *severity != "DEFAULT")
        .unwrap_or("");
    let text = match (entry["textPayload"].as_str(), &entry["jsonPayload"]) {
        (Some(text), _) => text.to_owned(),
        (None, payload) => {
            let message = payload["message"]
                .as_str()
                .or_else(|| payload["msg"].as_str());
            let rest = payload.as_object().into_iter().flatten();
            let rest: Vec<_> = rest
                .filter(|(name, _)| {
                    !matches!(name.as_str(), "message" | "msg" | "timestamp" | "time")
                })
                .map(|(name, value)| {
                    format!(
                        "{name}={}",
                        value
                            .as_str()
                            .map_or_else(|| value.to_string(), str::to_owned)
                    )
                })
                .collect();
            format!("{} {}", message.unwrap_or_default(), rest.join(" "))
                .trim()
                .to_owned()
        }
    };
    // Whatever a stranger made the service write must not steer the terminal.
    let text: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    format!("{time} {severity:>7} {text}")
}
