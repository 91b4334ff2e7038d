//! Cloud Storage: buckets, and objects with generations.

mod upload;

use hyper::StatusCode;
use serde_json::{Value, json};

use super::{
    Cloud,
    call::{Call, unsupported_method},
    error::{Answer, ApiError},
    fault::Fault,
    http::{Reply, Request, Served},
    limits::{self, Kind, Subject},
    state::{Object, State, timestamp},
};

const READ: &[&str] = &[
    "roles/storage.objectAdmin",
    "roles/storage.objectUser",
    "roles/storage.objectViewer",
];
const WRITE: &[&str] = &["roles/storage.objectAdmin", "roles/storage.objectUser"];

/// Handles uploads and downloads, which are not JSON requests and responses.
pub fn serve(cloud: &Cloud, call: &Call, request: &Request) -> Option<Served> {
    let answered = match call.found.method.id.as_str() {
        "storage.objects.get" if call.query("alt") == Some("media") => {
            download(cloud, call, request)
        }
        "storage.objects.insert" => upload::upload(cloud, call, request),
        _ => return None,
    };
    if answered.is_err()
        && cloud
            .state()
            .take_fault("storage.upload", |fault| *fault == Fault::Disconnect)
            .is_some()
    {
        return Some(Err("the connection is cut"));
    }
    let host = call.found.api.host;
    Some(answered.or_else(|error| {
        Ok(Reply::json(
            error.code,
            &error.body(host),
            error.retry_after,
        ))
    }))
}

/// Handles the other calls to `storage`.
pub fn answer(cloud: &Cloud, call: &Call) -> Answer {
    let bucket = call.path("bucket");
    let mut state = cloud.state();
    match call.found.method.id.as_str() {
        "storage.buckets.get" => state.get(&bucket_name(&bucket)),
        "storage.buckets.patch" => patch_bucket(&mut state, call),
        "storage.buckets.insert" => insert_bucket(cloud, &mut state, call),
        "storage.buckets.getIamPolicy" => {
            state.get(&bucket_name(&bucket))?;
            let version = call.query("optionsRequestedPolicyVersion");
            Ok(state.policy_for(&bucket_name(&bucket), version))
        }
        "storage.buckets.setIamPolicy" => {
            state.get(&bucket_name(&bucket))?;
            state.set_policy(&bucket_name(&bucket), call.body.clone())
        }
        "storage.buckets.delete" => {
            if state.objects.keys().any(|(of, _)| *of == bucket) {
                return Err(ApiError::new(
                    409,
                    "The bucket you tried to delete is not empty.",
                ));
            }
            state.delete(&bucket_name(&bucket))?;
            Ok(Value::Null)
        }
        "storage.objects.list" => {
            check_access(&state, call, &bucket, READ, "storage.objects.list")?;
            Ok(list(&state, call, &bucket))
        }
        "storage.objects.get" => {
            check_access(&state, call, &bucket, READ, "storage.objects.get")?;
            let object = find(&state, call, &bucket)?;
            Ok(describe(&bucket, &call.path("object"), &object))
        }
        "storage.objects.delete" => {
            check_access(&state, call, &bucket, WRITE, "storage.objects.delete")?;
            let name = call.path("object");
            check_generation(&state, &bucket, &name, wanted_generation(call))?;
            state
                .objects
                .remove(&(bucket, name.clone()))
                .map(|_| Value::Null)
                .ok_or_else(|| ApiError::not_found(&name))
        }
        _ => Err(unsupported_method(call)),
    }
}

fn bucket_name(bucket: &str) -> String {
    format!("buckets/{bucket}")
}

fn insert_bucket(cloud: &Cloud, state: &mut State, call: &Call) -> Answer {
    let name = call.body["name"].as_str().unwrap_or_default().to_owned();
    let subject = Subject {
        id: &name,
        location: "",
        body: &call.body,
    };
    limits::check(Kind::Bucket, &subject)?;
    let mut bucket = call.body.clone();
    bucket["kind"] = "storage#bucket".into();
    bucket["id"] = name.clone().into();
    bucket["projectNumber"] = cloud.number.to_string().into();
    bucket["location"] = bucket["location"]
        .as_str()
        .unwrap_or("US")
        .to_uppercase()
        .into();
    bucket["timeCreated"] = timestamp().into();
    bucket["metageneration"] = "1".into();
    state.create(&bucket_name(&name), bucket)
}

/// Replaces the fields that are sent.
fn patch_bucket(state: &mut State, call: &Call) -> Answer {
    let name = bucket_name(&call.path("bucket"));
    let mut bucket = state.get(&name)?;
    let wanted = call.query("ifMetagenerationMatch");
    if wanted.is_some_and(|wanted| bucket["metageneration"] != wanted) {
        let message = "At least one of the pre-conditions you specified did not hold.";
        return Err(ApiError::new(412, message));
    }
    let before = bucket["metageneration"]
        .as_str()
        .and_then(|text| text.parse::<u64>().ok());
    for (field, value) in call.body.as_object().into_iter().flatten() {
        bucket[field] = value.clone();
    }
    bucket["metageneration"] = (before.unwrap_or(1) + 1).to_string().into();
    state.resources.insert(name, bucket.clone());
    Ok(bucket)
}

/// Checks access: a service's account needs a role on the bucket; the deploying account may do
/// everything.
fn check_access(
    state: &State,
    call: &Call,
    bucket: &str,
    roles: &[&str],
    permission: &str,
) -> Result<(), ApiError> {
    state.get(&bucket_name(bucket))?;
    let member = format!("serviceAccount:{}", call.caller);
    if !state.account_exists(&call.caller) || state.may(&bucket_name(bucket), &member, roles) {
        Ok(())
    } else {
        Err(ApiError::denied(permission))
    }
}

fn find(state: &State, call: &Call, bucket: &str) -> Result<Object, ApiError> {
    let name = call.path("object");
    let missing = || ApiError::not_found(&format!("{bucket}/{name}"));
    let object = state
        .objects
        .get(&(bucket.to_owned(), name.clone()))
        .ok_or_else(missing)?;
    check_generation(state, bucket, &name, wanted_generation(call))?;
    Ok(object.clone())
}

fn wanted_generation(call: &Call) -> Option<u64> {
    call.query("ifGenerationMatch")?.parse().ok()
}

fn check_generation(
    state: &State,
    bucket: &str,
    name: &str,
    wanted: Option<u64>,
) -> Result<(), ApiError> {
    let object = state.objects.get(&(bucket.to_owned(), name.to_owned()));
    let there = object.map_or(0, |object| object.generation);
    if wanted.is_none_or(|wanted| wanted == there) {
        Ok(())
    } else {
        let message = "At least one of the pre-conditions you specified did not hold.";
        Err(ApiError::new(412, message))
    }
}

fn describe(bucket: &str, name: &str, object: &Object) -> Value {
    let mut description = json!({
        "kind": "storage#object",
        "id": format!("{bucket}/{name}/{}", object.generation),
        "bucket": bucket,
        "name": name,
        "size": object.data.len().to_string(),
        "contentType": object.content_type,
        "generation": object.generation.to_string(),
        "metageneration": "1",
        "timeCreated": object.written,
        "updated": object.written,
        "etag": format!("C{}=", object.generation),
    });
    if let Some(time) = &object.custom_time {
        description["customTime"] = time.clone().into();
    }
    description
}

fn list(state: &State, call: &Call, bucket: &str) -> Value {
    let prefix = call.query("prefix").unwrap_or_default();
    let after = call.query("pageToken").unwrap_or_default();
    let most = call
        .query("maxResults")
        .and_then(|text| text.parse().ok())
        .unwrap_or(1000);
    let mut found = state.objects.iter().filter(|((of, name), _)| {
        of == bucket && name.starts_with(prefix) && name.as_str() > after
    });
    let page: Vec<_> = found.by_ref().take(most).collect();
    let items: Vec<_> = page
        .iter()
        .map(|((_, name), object)| describe(bucket, name, object))
        .collect();
    let mut answer = json!({ "kind": "storage#objects", "items": items });
    if let (Some(((_, last), _)), Some(_)) = (page.last(), found.next()) {
        answer["nextPageToken"] = last.clone().into();
    }
    answer
}

fn download(cloud: &Cloud, call: &Call, request: &Request) -> Result<Reply, ApiError> {
    let state = cloud.state();
    let bucket = call.path("bucket");
    check_access(&state, call, &bucket, READ, "storage.objects.get")?;
    let object = find(&state, call, &bucket)?;
    let mut reply = Reply::empty(StatusCode::OK)
        .with("x-goog-generation", &object.generation.to_string())
        .with("x-goog-metageneration", "1")
        .with("etag", &format!("\"C{}=\"", object.generation));
    reply.headers.insert(
        "content-type",
        object.content_type.parse().expect("a header value"),
    );
    let whole = object.data.len();
    let Some((first, last)) = request.header("range").and_then(|text| range(text, whole)) else {
        reply.body = object.data.into();
        return Ok(reply);
    };
    if first >= whole {
        return Err(ApiError::new(416, "Requested range not satisfiable"));
    }
    reply.status = StatusCode::PARTIAL_CONTENT;
    reply.body = object.data[first..=last].to_vec().into();
    Ok(reply.with("content-range", &format!("bytes {first}-{last}/{whole}")))
}

/// Parses `bytes=FIRST-LAST` into the first and the last byte (RFC 9110 §14.2).
fn range(text: &str, whole: usize) -> Option<(usize, usize)> {
    let (first, last) = text.strip_prefix("bytes=")?.split_once('-')?;
    let end = whole.saturating_sub(1);
    match (first.parse::<usize>(), last.parse::<usize>()) {
        (Ok(first), Ok(last)) if first <= last => Some((first, last.min(end))),
        (Ok(first), _) if last.is_empty() => Some((first, end)),
        (Err(_), Ok(count)) if first.is_empty() => Some((whole.saturating_sub(count), end)),
        _ => None,
    }
}
