//! IAM: service accounts and their tokens.

use serde_json::json;

use super::{
    Cloud,
    call::{Call, unsupported_method},
    error::{Answer, ApiError},
    limits::{self, Kind, Subject},
    state::timestamp,
};

/// Handles calls to `iam` and `iamcredentials`.
pub fn answer(cloud: &Cloud, call: &Call) -> Answer {
    match call.found.method.id.as_str() {
        "iam.projects.serviceAccounts.get" => cloud.state().get(&call.path("name")),
        "iam.projects.serviceAccounts.delete" => {
            cloud.state().delete(&call.path("name"))?;
            Ok(json!({}))
        }
        "iam.projects.serviceAccounts.create" => create(cloud, call),
        "iamcredentials.projects.serviceAccounts.generateAccessToken" => {
            let name = call.path("name");
            let email = name.rsplit('/').next().unwrap_or_default();
            if call.body["scope"].as_array().is_none_or(Vec::is_empty) {
                return Err(ApiError::new(400, "scope is required"));
            }
            let token = cloud.mint(email);
            Ok(json!({ "accessToken": token, "expireTime": timestamp() }))
        }
        "iamcredentials.projects.serviceAccounts.generateIdToken" => {
            let name = call.path("name");
            let email = name.rsplit('/').next().unwrap_or_default();
            let audience = call.body["audience"].as_str().unwrap_or_default();
            Ok(json!({ "token": cloud.mint_identity(email, audience) }))
        }
        _ => Err(unsupported_method(call)),
    }
}

fn create(cloud: &Cloud, call: &Call) -> Answer {
    let id = call.body["accountId"].as_str().unwrap_or_default();
    let subject = Subject {
        id,
        location: "",
        body: &call.body,
    };
    limits::check(Kind::Account, &subject)?;
    let email = format!("{id}@{}.iam.gserviceaccount.com", cloud.project);
    let name = format!("projects/{}/serviceAccounts/{email}", cloud.project);
    let mut state = cloud.state();
    let number = state.next();
    let account = json!({
        "name": name,
        "email": email,
        "projectId": cloud.project,
        "uniqueId": format!("1{number:020}"),
        "displayName": call.body["serviceAccount"]["displayName"].as_str().unwrap_or_default(),
        "description": call.body["serviceAccount"]["description"].as_str().unwrap_or_default(),
    });
    state.create(&name, account)
}
