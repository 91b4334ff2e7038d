//! Artifact Registry: repositories, and the packages (images) in them.

use serde_json::json;

use super::{
    Cloud,
    call::{Call, not_here},
    error::{Answer, ApiError},
    state::timestamp,
};

/// `artifactregistry`.
pub fn answer(cloud: &Cloud, call: &Call) -> Answer {
    let mut state = cloud.state();
    match call.found.method.id.as_str() {
        "artifactregistry.projects.locations.repositories.get" => state.get(&call.path("name")),
        "artifactregistry.projects.locations.repositories.create" => {
            let id = call
                .query("repositoryId")
                .ok_or_else(|| ApiError::new(400, "no repositoryId"))?;
            if call.body["format"] != "DOCKER" {
                return Err(ApiError::new(
                    400,
                    "the stand-in has Docker repositories only",
                ));
            }
            let name = format!("{}/repositories/{id}", call.path("parent"));
            let mut repository = call.body.clone();
            repository["name"] = name.clone().into();
            repository["createTime"] = timestamp().into();
            state.create(&name, repository.clone())?;
            let done = json!({ "done": true, "response": repository });
            Ok(state.operation(&call.path("parent"), done))
        }
        "artifactregistry.projects.locations.repositories.packages.delete" => {
            let name = call.path("name");
            let parent = name
                .split("/repositories/")
                .next()
                .unwrap_or_default()
                .to_owned();
            cloud
                .registry
                .forget(&name)
                .map_err(|()| ApiError::not_found(&name))?;
            Ok(state.operation(&parent, json!({ "done": true, "response": {} })))
        }
        "artifactregistry.projects.locations.operations.get" => {
            drop(state);
            cloud.look_at_operation(&call.path("name"))
        }
        _ => Err(not_here(call)),
    }
}
