//! What Cloud Run refuses at once.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{
    super::{error::ApiError, state::State},
    short,
};

/// What Cloud Run refuses at once.
pub fn check(name: &str, service: &Value) -> Result<(), ApiError> {
    let id = short(name);
    let refuse = |problem: &str| Err(ApiError::new(400, problem.to_owned()));
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if id.len() > 49 || !id.chars().all(plain) || !id.starts_with(|c: char| c.is_ascii_lowercase())
    {
        return refuse("service_id must be at most 49 lower-case letters, digits and hyphens");
    }
    let template = &service["template"];
    let container = &template["containers"][0];
    if container["image"].as_str().is_none_or(str::is_empty) {
        return refuse("template.containers[0].image is required");
    }
    let mut names = BTreeSet::new();
    for variable in container["env"].as_array().into_iter().flatten() {
        let name = variable["name"].as_str().unwrap_or_default();
        if matches!(
            name,
            "PORT" | "K_SERVICE" | "K_REVISION" | "K_CONFIGURATION"
        ) {
            return refuse("the environment has a reserved name");
        }
        if !names.insert(name.to_owned()) {
            return refuse("the environment has a name twice");
        }
        if !variable["value"].is_null() && !variable["valueSource"].is_null() {
            return refuse("a variable has a value and a source of one");
        }
    }
    let labels = service["labels"].as_object().into_iter().flatten();
    for (key, value) in labels {
        let value = value.as_str().unwrap_or_default();
        let good = |text: &str| text.len() <= 63 && text.chars().all(|c| plain(c) || c == '_');
        if !good(key) || !good(value) || key.is_empty() {
            return refuse("a label is not valid");
        }
    }
    let cpu = container["resources"]["limits"]["cpu"]
        .as_str()
        .unwrap_or("1");
    let is_gen2 = template["executionEnvironment"] == "EXECUTION_ENVIRONMENT_GEN2";
    let small = cpu.ends_with('m')
        && cpu
            .trim_end_matches('m')
            .parse::<u32>()
            .is_ok_and(|cpu| cpu < 1000);
    if is_gen2 && small {
        return refuse("the second generation needs at least 1 CPU");
    }
    if small
        && template["maxInstanceRequestConcurrency"]
            .as_i64()
            .is_none_or(|most| most != 1)
    {
        return refuse("less than 1 CPU needs a concurrency of 1");
    }
    Ok(())
}

/// The name that was asked for, or the next one.
pub fn name_revision(
    state: &State,
    name: &str,
    service: &Value,
    generation: u64,
) -> Result<String, ApiError> {
    let id = short(name);
    match service["template"]["revision"].as_str() {
        None | Some("") => Ok(format!("{id}-{generation:05}-abc")),
        Some(wanted) => {
            if !wanted.starts_with(&format!("{id}-")) || wanted.len() > 63 {
                return Err(ApiError::new(
                    400,
                    "template.revision must begin with the service's name",
                ));
            }
            let full = format!("{name}/revisions/{wanted}");
            if state.resources.contains_key(&full) {
                return Err(ApiError::exists(&full));
            }
            Ok(wanted.to_owned())
        }
    }
}

/// Whether the shares add up, and go to revisions that are there.
pub fn check_traffic(state: &State, name: &str, service: &Value) -> Result<(), ApiError> {
    let Some(targets) = service["traffic"]
        .as_array()
        .filter(|targets| !targets.is_empty())
    else {
        return Ok(());
    };
    let sum: i64 = targets
        .iter()
        .map(|target| target["percent"].as_i64().unwrap_or(0))
        .sum();
    if sum != 100 {
        return Err(ApiError::new(
            400,
            format!("traffic percentages add up to {sum}, not 100"),
        ));
    }
    for target in targets {
        match (target["type"].as_str(), target["revision"].as_str()) {
            (Some("TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST"), None) => {}
            (Some("TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION"), Some(revision)) => {
                state.get(&format!("{name}/revisions/{revision}"))?;
            }
            _ => return Err(ApiError::new(400, "a traffic target names no revision")),
        }
    }
    Ok(())
}
