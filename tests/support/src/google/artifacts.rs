//! Artifact Registry: repositories and their packages (images).

use serde_json::json;

use super::{
    Cloud,
    call::{Call, unsupported_method},
    error::{Answer, ApiError},
    limits::{self, Kind, Subject},
    state::{State, format_time, timestamp},
};

/// Handles calls to `artifactregistry`.
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
                    "the stand-in supports Docker repositories only",
                ));
            }
            let parent = call.path("parent");
            let subject = Subject {
                id,
                location: parent.rsplit('/').next().unwrap_or_default(),
                body: &call.body,
            };
            limits::check(Kind::Repository, &subject)?;
            let name = format!("{parent}/repositories/{id}");
            let mut repository = call.body.clone();
            repository["name"] = name.clone().into();
            repository["createTime"] = timestamp().into();
            state.create(&name, repository.clone())?;
            let mut response = repository;
            response["@type"] =
                "type.googleapis.com/google.devtools.artifactregistry.v1.Repository".into();
            let done = json!({ "done": true, "response": response });
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
                .ok_or_else(|| ApiError::not_found(&name))?;
            Ok(state.operation(&parent, json!({ "done": true, "response": {} })))
        }
        "artifactregistry.projects.locations.repositories.packages.get" => {
            let name = call.path("name");
            if cloud.registry.has(&name) {
                Ok(json!({ "name": name }))
            } else {
                Err(ApiError::not_found(&name))
            }
        }
        "artifactregistry.projects.locations.repositories.packages.versions.list" => {
            let package = call.path("parent");
            let versions = cloud.registry.versions(&package);
            let versions: Vec<_> = versions
                .iter()
                .map(|digest| {
                    let pushed = cloud.registry.pushed(&package, digest);
                    let pushed = pushed.map(format_time);
                    json!({
                        "name": format!("{package}/versions/{digest}"),
                        "createTime": pushed,
                        "updateTime": pushed,
                    })
                })
                .collect();
            Ok(json!({ "versions": versions }))
        }
        "artifactregistry.projects.locations.repositories.packages.tags.list" => {
            let package = call.path("parent");
            let tags: Vec<_> = cloud
                .registry
                .tags(&package)
                .into_iter()
                .map(|(tag, digest)| {
                    json!({
                        "name": format!("{package}/tags/{tag}"),
                        "version": format!("{package}/versions/{digest}"),
                    })
                })
                .collect();
            Ok(json!({ "tags": tags }))
        }
        "artifactregistry.projects.locations.repositories.packages.versions.delete" => {
            delete_version(cloud, &mut state, call)
        }
        "artifactregistry.projects.locations.operations.get" => {
            drop(state);
            cloud.operation_status(&call.path("name"))
        }
        _ => Err(unsupported_method(call)),
    }
}

fn delete_version(cloud: &Cloud, state: &mut State, call: &Call) -> Answer {
    let name = call.path("name");
    let missing = || ApiError::not_found(&name);
    let (package, digest) = name.split_once("/versions/").ok_or_else(missing)?;
    let tags = cloud.registry.tags(package);
    let is_tagged = tags.iter().any(|(_, leads_to)| leads_to == digest);
    if is_tagged && call.query("force") != Some("true") {
        let message = "cannot delete a version that is tagged";
        return Err(ApiError::new(400, message));
    }
    cloud
        .registry
        .forget_version(package, digest)
        .ok_or_else(missing)?;
    let parent = name.split("/repositories/").next().unwrap_or_default();
    Ok(state.operation(parent, json!({ "done": true, "response": {} })))
}
