//! Secret Manager.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

use super::{
    Cloud,
    call::{Call, unsupported_method},
    error::{Answer, ApiError},
    limits::{self, Kind, Subject},
    state::{State, timestamp},
};

/// The page size, so small that tests need several pages.
const PAGE: usize = 2;

/// Handles calls to `secretmanager`.
pub fn answer(cloud: &Cloud, call: &Call) -> Answer {
    let mut state = cloud.state();
    let method = call
        .found
        .method
        .id
        .strip_prefix("secretmanager.projects.secrets.");
    match method.unwrap_or_default() {
        "get" => state.get(&call.path("name")),
        "create" => create(cloud, &mut state, call),
        "list" => Ok(list(&state, call)),
        "patch" => patch(&mut state, call),
        "delete" => {
            state.payloads.remove(&call.path("name"));
            state.delete(&call.path("name"))?;
            Ok(json!({}))
        }
        "getIamPolicy" => {
            state.get(&call.path("resource"))?;
            let version = call.query("options.requestedPolicyVersion");
            Ok(state.policy_for(&call.path("resource"), version))
        }
        "setIamPolicy" => {
            state.get(&call.path("resource"))?;
            state.set_policy(&call.path("resource"), call.body["policy"].clone())
        }
        "addVersion" => add_version(&mut state, call),
        "versions.access" => {
            let (name, data) = read_version(&state, &call.path("name"))?;
            let checksum = crc32c::crc32c(&data);
            let payload = json!({
                "data": BASE64_STANDARD.encode(data), "dataCrc32c": checksum.to_string(),
            });
            Ok(json!({ "name": name, "payload": payload }))
        }
        "versions.get" => {
            let (name, payload) = find_version(&state, &call.path("name"))?;
            Ok(version(&name, payload.is_some()))
        }
        "versions.list" => list_versions(&state, call),
        "versions.destroy" => destroy_version(&mut state, call),
        _ => Err(unsupported_method(call)),
    }
}

fn create(cloud: &Cloud, state: &mut State, call: &Call) -> Answer {
    let id = call
        .query("secretId")
        .ok_or_else(|| ApiError::new(400, "no secretId"))?;
    let subject = Subject {
        id,
        location: "",
        body: &call.body,
    };
    limits::check(Kind::Secret, &subject)?;
    if cloud.forbids_automatic_replication && call.body["replication"]["automatic"].is_object() {
        let policy = "constraints/gcp.resourceLocations";
        return Err(ApiError::violated_policy(policy, cloud.project));
    }
    let name = format!("projects/{}/secrets/{id}", cloud.project);
    let mut secret = call.body.clone();
    secret["name"] = name.clone().into();
    secret["createTime"] = timestamp().into();
    secret["etag"] = format!("\"{}\"", state.next()).into();
    state.create(&name, secret)
}

/// Returns one page of secrets, as in a project with many secrets.
fn list(state: &State, call: &Call) -> Value {
    let prefix = format!("{}/secrets/", call.path("parent"));
    let after = call.query("pageToken").unwrap_or_default();
    let mut found = state
        .resources
        .range(prefix.clone()..)
        .take_while(|(name, _)| name.starts_with(&prefix))
        .filter(|(name, _)| name.as_str() > after);
    let page: Vec<_> = found.by_ref().take(PAGE).collect();
    let secrets: Vec<_> = page.iter().map(|(_, secret)| (*secret).clone()).collect();
    let mut answer = json!({ "secrets": secrets });
    if let (Some((last, _)), Some(_)) = (page.last(), found.next()) {
        answer["nextPageToken"] = Value::from(last.as_str());
    }
    answer
}

/// Changes labels and annotations, the only mutable fields.
fn patch(state: &mut State, call: &Call) -> Answer {
    let name = call.path("name");
    let mut secret = state.get(&name)?;
    if let Some(etag) = call.body["etag"].as_str()
        && secret["etag"] != etag
    {
        return Err(ApiError::aborted(&name));
    }
    let mask = call.query("updateMask").unwrap_or_default();
    for field in mask.split(',') {
        if !["labels", "annotations"].contains(&field) {
            return Err(ApiError::new(400, format!("{field:?} cannot be updated")));
        }
        secret[field] = call.body[field].clone();
    }
    secret["etag"] = format!("\"{}\"", state.next()).into();
    state.resources.insert(name, secret.clone());
    Ok(secret)
}

fn add_version(state: &mut State, call: &Call) -> Answer {
    let parent = call.path("parent");
    state.get(&parent)?;
    let payload = &call.body["payload"];
    let data = payload["data"].as_str().unwrap_or_default().to_owned();
    let bytes = BASE64_STANDARD
        .decode(&data)
        .map_err(|_| ApiError::new(400, "not base64"))?;
    let said = match &payload["dataCrc32c"] {
        Value::Null => None,
        Value::String(text) => Some(text.parse::<u64>().ok()),
        number => Some(number.as_u64()),
    };
    if said.is_some_and(|said| said != Some(crc32c::crc32c(&bytes).into())) {
        return Err(ApiError::new(400, "the checksum does not match the data"));
    }
    let versions = state.payloads.entry(parent.clone()).or_default();
    versions.push(Some(data));
    let mut made = version(&format!("{parent}/versions/{}", versions.len()), true);
    made["clientSpecifiedPayloadChecksum"] = said.is_some().into();
    Ok(made)
}

fn version(name: &str, is_enabled: bool) -> Value {
    let state = if is_enabled { "ENABLED" } else { "DESTROYED" };
    let number = name.rsplit('/').next().unwrap_or_default();
    let etag = format!("\"{number}-{state}\"");
    json!({ "name": name, "state": state, "createTime": timestamp(), "etag": etag })
}

/// Returns one page of a secret's versions, newest first.
fn list_versions(state: &State, call: &Call) -> Answer {
    let parent = call.path("parent");
    state.get(&parent)?;
    let none = Vec::new();
    let versions = state.payloads.get(&parent).unwrap_or(&none);
    let before = call.query("pageToken").and_then(|token| token.parse().ok());
    let before = before.unwrap_or(versions.len() + 1);
    let earlier = versions.iter().enumerate().rev();
    let mut found = earlier.filter(|(index, _)| index + 1 < before);
    let page: Vec<_> = found.by_ref().take(PAGE).collect();
    let listed: Vec<_> = page
        .iter()
        .map(|(index, payload)| {
            let name = format!("{parent}/versions/{}", index + 1);
            version(&name, payload.is_some())
        })
        .collect();
    let mut answer = json!({ "versions": listed, "totalSize": versions.len() });
    if let (Some((index, _)), Some(_)) = (page.last(), found.next()) {
        answer["nextPageToken"] = (index + 1).to_string().into();
    }
    Ok(answer)
}

/// Destroys a version. Its value is lost, and the version stays in the list.
fn destroy_version(state: &mut State, call: &Call) -> Answer {
    let (name, payload) = find_version(state, &call.path("name"))?;
    let current = version(&name, payload.is_some());
    let etag = call.body["etag"].as_str().unwrap_or_default();
    if !etag.is_empty() && current["etag"] != etag {
        return Err(ApiError::aborted(&name));
    }
    if payload.is_none() {
        let message = format!("Secret Version [{name}] is in DESTROYED state.");
        return Err(ApiError::failed_precondition(message));
    }
    let (secret, number) = name.split_once("/versions/").unwrap_or_default();
    let index = number.parse::<usize>().unwrap_or(0).wrapping_sub(1);
    let versions = state.payloads.get_mut(secret);
    if let Some(payload) = versions.and_then(|versions| versions.get_mut(index)) {
        *payload = None;
    }
    Ok(version(&name, false))
}

/// Returns the full name and the data of a version. `latest` is the newest version, independent of
/// its state.
pub fn read_version(state: &State, name: &str) -> Result<(String, Vec<u8>), ApiError> {
    let (name, payload) = find_version(state, name)?;
    let data = payload.ok_or_else(|| {
        let message = format!("Secret Version [{name}] is in DESTROYED state.");
        ApiError::failed_precondition(message)
    })?;
    let data = BASE64_STANDARD
        .decode(data)
        .map_err(|_| ApiError::not_found(&name))?;
    Ok((name, data))
}

/// Returns the full name and the payload, which is `None` for a destroyed version.
fn find_version(state: &State, name: &str) -> Result<(String, Option<String>), ApiError> {
    let missing = || ApiError::not_found(name);
    let (secret, version) = name.split_once("/versions/").ok_or_else(missing)?;
    let versions = state.payloads.get(secret).ok_or_else(missing)?;
    let number = match version {
        "latest" => versions.len(),
        number => number.parse().map_err(|_| missing())?,
    };
    let payload = number.checked_sub(1).and_then(|index| versions.get(index));
    let payload = payload.cloned().ok_or_else(missing)?;
    Ok((format!("{secret}/versions/{number}"), payload))
}
