//! Cloud Logging: the output of containers and builds.

use serde_json::{Value, json};

use super::{
    Cloud,
    call::{Call, unsupported_method},
    error::{Answer, ApiError},
    state::timestamp,
};

/// Handles calls to `logging`.
pub fn answer(cloud: &Cloud, call: &Call) -> Answer {
    if call.found.method.id != "logging.entries.list" {
        return Err(unsupported_method(call));
    }
    let wanted = format!("projects/{}", cloud.project);
    if call.body["resourceNames"]
        .as_array()
        .is_none_or(|names| names.iter().all(|name| *name != wanted))
    {
        return Err(ApiError::denied("logging.logEntries.list"));
    }
    let filter = call.body["filter"].as_str().unwrap_or_default();
    let conditions = parse(filter).map_err(|problem| ApiError::new(400, problem))?;
    let state = cloud.state();
    let mut entries: Vec<Value> = state
        .entries
        .iter()
        .filter(|entry| conditions.iter().all(|condition| condition.holds(entry)))
        .cloned()
        .collect();
    if call.body["orderBy"] == "timestamp desc" {
        entries.reverse();
    }
    let size = call.body["pageSize"].as_u64().unwrap_or(50);
    entries.truncate(usize::try_from(size).unwrap_or(50));
    Ok(json!({ "entries": entries }))
}

/// A comparison such as `field="value"`.
struct Condition {
    pointer: String,
    operator: &'static str,
    value: String,
}

/// Parses the subset of the filter language that mcpo uses: comparisons joined by AND.
fn parse(filter: &str) -> Result<Vec<Condition>, String> {
    filter
        .split(" AND ")
        .filter(|part| !part.trim().is_empty())
        .map(Condition::parse)
        .collect()
}

impl Condition {
    fn parse(text: &str) -> Result<Self, String> {
        let operator = [">=", "<=", ">", "<", "="]
            .into_iter()
            .find(|operator| text.contains(operator))
            .ok_or_else(|| format!("unsupported filter: {text}"))?;
        let (field, value) = text.split_once(operator).ok_or("unsupported filter")?;
        let value = value.trim();
        let value = value
            .strip_prefix('"')
            .and_then(|value| value.strip_suffix('"'))
            .unwrap_or(value);
        let pointer = format!("/{}", field.trim().replace('.', "/"));
        Ok(Self {
            pointer,
            operator,
            value: value.to_owned(),
        })
    }

    fn holds(&self, entry: &Value) -> bool {
        let found = entry
            .pointer(&self.pointer)
            .and_then(Value::as_str)
            .unwrap_or_default();
        match self.operator {
            "=" => found == self.value,
            ">" => found > self.value.as_str(),
            ">=" => found >= self.value.as_str(),
            "<" => found < self.value.as_str(),
            _ => found <= self.value.as_str(),
        }
    }
}

impl Cloud {
    /// Stores a line of a container's output.
    pub fn log_line(
        &self,
        service: &str,
        revision: &str,
        region: &str,
        line: &str,
        is_error: bool,
    ) {
        let mut state = self.state();
        let id = state.next();
        let stream = if is_error { "stderr" } else { "stdout" };
        let mut entry = json!({
            "insertId": format!("i{id:08}"),
            "logName": format!("projects/{}/logs/run.googleapis.com%2F{stream}", self.project),
            "resource": { "type": "cloud_run_revision", "labels": {
                "service_name": service, "revision_name": revision,
                "location": region, "project_id": self.project,
            } },
            "timestamp": timestamp(),
            "severity": "DEFAULT",
        });
        match serde_json::from_str::<Value>(line) {
            Ok(Value::Object(mut fields)) => {
                if let Some(severity) = fields.remove("severity") {
                    entry["severity"] = severity;
                }
                entry["jsonPayload"] = Value::Object(fields);
            }
            _ => entry["textPayload"] = line.into(),
        }
        state.entries.push(entry);
    }
}
