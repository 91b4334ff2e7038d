//! Reads the logs of the service and of builds.

use std::time::Duration;

use mcpo_common::error::{Exit, Failure, Outcome};

use crate::{
    context::Context,
    google::{
        ErrorContext as _, GoogleError, Request,
        api::logging::{ListLogEntriesRequest, ListLogEntriesResponse, LogEntry},
        method,
    },
};

const MAX_LINES: u32 = 100;
/// The maximum number of lines of a build's log.
const BUILD_LINES: u32 = 1000;
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// Returns the last entries, oldest first.
pub async fn last(
    context: &Context<'_>,
    revision: Option<&str>,
    count: u32,
) -> Result<Vec<LogEntry>, GoogleError> {
    let filter = match revision {
        Some(revision) => format!(
            "{} AND resource.labels.revision_name=\"{revision}\"",
            of_service(context)
        ),
        None => of_service(context),
    };
    let mut entries = list(context, &filter, "timestamp desc", count).await?;
    entries.reverse();
    Ok(entries)
}

fn of_service(context: &Context<'_>) -> String {
    let names = &context.names;
    format!(
        "resource.type=\"cloud_run_revision\" AND resource.labels.service_name=\"{}\" AND resource.labels.location=\"{}\"",
        names.service_id, names.region
    )
}

async fn list(
    context: &Context<'_>,
    filter: &str,
    order: &str,
    count: u32,
) -> Result<Vec<LogEntry>, GoogleError> {
    let body = ListLogEntriesRequest {
        resource_names: vec![format!("projects/{}", context.names.project)],
        filter,
        order_by: order,
        page_size: count,
    };
    let request = Request::with_body("v2/entries:list", &body);
    let listed = context.google.call(&method::LOGS_LIST, request).await;
    listed.map(|listed: ListLogEntriesResponse| listed.entries)
}

/// Returns the log of a build, oldest first.
pub async fn of_build(context: &Context<'_>, build: &str) -> Result<Vec<LogEntry>, GoogleError> {
    let filter = format!("resource.type=\"build\" AND resource.labels.build_id=\"{build}\"");
    list(context, &filter, "timestamp asc", BUILD_LINES).await
}

/// Prints the last entries, and with `follow` all later ones until Ctrl-C.
pub async fn print(context: &Context<'_>, follow: bool, as_json: bool) -> Outcome {
    let during = "failed to read the logs";
    let mut seen: Vec<String> = Vec::new();
    let mut newest = None;
    let mut entries = last(context, None, MAX_LINES).await.during(during)?;
    loop {
        for entry in &entries {
            if seen.contains(&entry.insert_id) {
                continue;
            }
            seen.push(entry.insert_id.clone());
            newest = entry.timestamp.clone().or(newest);
            if as_json {
                let document = serde_json::to_value(entry);
                let document = document
                    .map_err(|error| Failure::new("failed to print an entry").because(&error))?;
                context.ui.result(document);
            } else {
                context.ui.result(line(entry));
            }
        }
        if !follow {
            return Ok(Exit::Success);
        }
        // Only entries with the newest timestamp can be returned again.
        let excess = seen.len().saturating_sub(10 * MAX_LINES as usize);
        seen.drain(..excess);
        tokio::time::sleep(POLL_INTERVAL).await;
        let mut filter = of_service(context);
        if let Some(newest) = &newest {
            filter = format!("{filter} AND timestamp>=\"{newest}\"");
        }
        let later = list(context, &filter, "timestamp asc", 10 * MAX_LINES).await;
        entries = later.during(during)?;
    }
}

/// Formats an entry on one line.
pub fn line(entry: &LogEntry) -> String {
    let time = entry.timestamp.as_deref().unwrap_or_default();
    let time = match time.split_once('T') {
        Some((date, clock)) => format!("{date} {}", clock.get(..8).unwrap_or(clock)),
        None => time.to_owned(),
    };
    let severity = match &*entry.severity {
        "DEFAULT" => "",
        severity => severity,
    };
    let text = match (&entry.text_payload, &entry.json_payload) {
        (Some(text), _) => text.clone(),
        (None, payload) => {
            let fields = || payload.iter().flatten();
            let message = ["message", "msg"].iter().find_map(|key| {
                let mut fields = fields();
                fields.find(|(name, _)| name == key)?.1.as_str()
            });
            let rest = fields();
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
    // Log entries contain untrusted text, which must not control the terminal.
    let text: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    format!("{time} {severity:>7} {text}")
}
