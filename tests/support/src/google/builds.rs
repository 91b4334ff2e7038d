//! Cloud Build, as far as it is there yet.

use super::{
    Cloud,
    call::{Call, not_here},
    error::Answer,
};

/// `cloudbuild`.
pub fn answer(cloud: &Cloud, call: &Call) -> Answer {
    match call.found.method.id.as_str() {
        "cloudbuild.projects.locations.operations.get" | "cloudbuild.operations.get" => {
            cloud.look_at_operation(&call.path("name"))
        }
        _ => Err(not_here(call)),
    }
}

/// `run.projects.locations.builds.submit`.
pub fn submit(_cloud: &Cloud, call: &Call) -> Answer {
    Err(not_here(call))
}
