//! Checks the names of revisions and the traffic targets.

use serde_json::Value;

use super::{
    super::{error::ApiError, state::State},
    short,
};

/// Returns the requested revision name, or generates one.
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

/// Checks that the shares add up to 100 and that the target revisions exist.
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
            _ => return Err(ApiError::new(400, "a traffic target has no revision")),
        }
    }
    Ok(())
}
