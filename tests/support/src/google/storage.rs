//! Cloud Storage: buckets, and objects with generations.

use hyper::StatusCode;
use serde_json::{Value, json};

use super::{
    Cloud,
    call::{Call, not_here},
    error::{Answer, ApiError},
    fault::Fault,
    http::{Reply, Request, Served},
    state::{Object, State, Upload, timestamp},
};

const READ: &[&str] = &[
    "roles/storage.objectAdmin",
    "roles/storage.objectUser",
    "roles/storage.objectViewer",
];
const WRITE: &[&str] = &["roles/storage.objectAdmin", "roles/storage.objectUser"];

/// What is not JSON on both ends: uploads, downloads, and answers with other statuses.
pub fn serve(cloud: &Cloud, call: &Call, request: &Request) -> Option<Served> {
    let answered = match call.found.method.id.as_str() {
        "storage.objects.get" if call.query("alt") == Some("media") => download(cloud, call),
        "storage.objects.insert" => upload(cloud, call, request),
        _ => return None,
    };
    if answered.is_err()
        && cloud
            .state()
            .take_fault("storage.upload", |fault| *fault == Fault::Cut)
            .is_some()
    {
        return Some(Err("the connection is cut"));
    }
    Some(answered.or_else(|error| Ok(Reply::json(error.code, &error.body(), error.retry_after))))
}

/// `storage`.
pub fn answer(cloud: &Cloud, call: &Call) -> Answer {
    let bucket = call.path("bucket");
    let mut state = cloud.state();
    match call.found.method.id.as_str() {
        "storage.buckets.get" => state.get(&bucket_name(&bucket)),
        "storage.buckets.insert" => insert_bucket(cloud, &mut state, call),
        "storage.buckets.getIamPolicy" => {
            state.get(&bucket_name(&bucket))?;
            Ok(state.policy(&bucket_name(&bucket)))
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
        _ => Err(not_here(call)),
    }
}

fn bucket_name(bucket: &str) -> String {
    format!("buckets/{bucket}")
}

fn insert_bucket(cloud: &Cloud, state: &mut State, call: &Call) -> Answer {
    let name = call.body["name"].as_str().unwrap_or_default().to_owned();
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_.".contains(c);
    if !(3..=63).contains(&name.len()) || !name.chars().all(plain) {
        return Err(ApiError::new(400, format!("Invalid bucket name: '{name}'")));
    }
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

/// A service's own account may do what its role on the bucket says; whoever deploys may do all.
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
    json!({
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
    })
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

fn download(cloud: &Cloud, call: &Call) -> Result<Reply, ApiError> {
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
    reply.body = object.data.into();
    Ok(reply)
}

fn upload(cloud: &Cloud, call: &Call, request: &Request) -> Result<Reply, ApiError> {
    let bucket = call.path("bucket");
    let mut state = cloud.state();
    if request.method == hyper::Method::POST {
        check_access(&state, call, &bucket, WRITE, "storage.objects.create")?;
    }
    let content_type = request
        .header("content-type")
        .unwrap_or("application/octet-stream")
        .to_owned();
    let if_generation = wanted_generation(call);
    let stored = |object: Value| Reply::json(200, &object, None);
    match call.query("uploadType") {
        Some("media") => {
            let name = call
                .query("name")
                .ok_or_else(|| ApiError::new(400, "Required parameter: name"))?;
            let data = request.body.to_vec();
            store(
                &mut state,
                &Upload {
                    bucket,
                    name: name.into(),
                    data,
                    content_type,
                    if_generation,
                },
            )
            .map(stored)
        }
        Some("multipart") => {
            let (facts, content_type, data) = parts(&content_type, &request.body)?;
            let name = facts["name"]
                .as_str()
                .or(call.query("name"))
                .unwrap_or_default()
                .to_owned();
            store(
                &mut state,
                &Upload {
                    bucket,
                    name,
                    data,
                    content_type,
                    if_generation,
                },
            )
            .map(stored)
        }
        Some("resumable") => begin(&mut state, call, request, &bucket, if_generation),
        _ => Err(ApiError::new(400, "uploadType is required")),
    }
}

fn store(state: &mut State, upload: &Upload) -> Answer {
    check_generation(state, &upload.bucket, &upload.name, upload.if_generation)?;
    let object = Object {
        data: upload.data.clone(),
        content_type: upload.content_type.clone(),
        generation: 1_700_000_000_000_000 + state.next(),
        written: timestamp(),
    };
    let description = describe(&upload.bucket, &upload.name, &object);
    state
        .objects
        .insert((upload.bucket.clone(), upload.name.clone()), object);
    Ok(description)
}

/// `multipart/related`: facts in JSON, then the data.
fn parts(content_type: &str, body: &[u8]) -> Result<(Value, String, Vec<u8>), ApiError> {
    let bad = || ApiError::new(400, "Malformed multipart body.");
    let (_, boundary) = content_type.split_once("boundary=").ok_or_else(bad)?;
    let boundary = format!("--{}", boundary.trim_matches('"'));
    let find = |from: usize, what: &[u8]| {
        body.get(from..)?
            .windows(what.len())
            .position(|window| window == what)
            .map(|at| from + at)
    };
    let blank = b"\r\n\r\n";
    let first = find(0, blank).ok_or_else(bad)? + blank.len();
    let first_end = find(first, boundary.as_bytes()).ok_or_else(bad)?;
    let second = find(first_end, blank).ok_or_else(bad)? + blank.len();
    let end = find(second, format!("\r\n{boundary}--").as_bytes()).ok_or_else(bad)?;
    let facts = serde_json::from_slice(&body[first..first_end]).map_err(|_| bad())?;
    let head = String::from_utf8_lossy(&body[first_end..second]).to_lowercase();
    let kind = head
        .split("content-type:")
        .nth(1)
        .and_then(|rest| rest.lines().next());
    let kind = kind
        .map_or("application/octet-stream", str::trim)
        .to_owned();
    Ok((facts, kind, body[second..end].to_vec()))
}

fn begin(
    state: &mut State,
    call: &Call,
    request: &Request,
    bucket: &str,
    if_generation: Option<u64>,
) -> Result<Reply, ApiError> {
    if let Some(id) = call.query("upload_id") {
        return go_on(state, id, request);
    }
    let name = call
        .query("name")
        .ok_or_else(|| ApiError::new(400, "Required parameter: name"))?;
    check_generation(state, bucket, name, if_generation)?;
    let content_type = request
        .header("x-upload-content-type")
        .unwrap_or("application/octet-stream");
    let upload = Upload {
        bucket: bucket.to_owned(),
        name: name.to_owned(),
        data: Vec::new(),
        content_type: content_type.to_owned(),
        if_generation,
    };
    let id = format!("upload-{}", state.next());
    state.uploads.insert(id.clone(), upload);
    let location = format!(
        "https://storage.googleapis.com/upload/storage/v1/b/{bucket}/o?uploadType=resumable&name={name}&upload_id={id}"
    );
    Ok(Reply::empty(StatusCode::OK)
        .with("location", &location)
        .with("x-guploader-uploadid", &id))
}

/// Takes the next piece, or says how far it got (`bytes */SIZE`).
fn go_on(state: &mut State, id: &str, request: &Request) -> Result<Reply, ApiError> {
    let range = request
        .header("content-range")
        .unwrap_or("bytes */*")
        .to_owned();
    let upload = state
        .uploads
        .get_mut(id)
        .ok_or_else(|| ApiError::new(404, "no such upload"))?;
    let (part, total) = range
        .strip_prefix("bytes ")
        .and_then(|range| range.split_once('/'))
        .ok_or_else(|| ApiError::new(400, "Content-Range is malformed"))?;
    if let Some((from, _)) = part.split_once('-') {
        if from.parse() != Ok(upload.data.len()) {
            return Err(ApiError::new(
                400,
                "the piece does not begin where the last one ended",
            ));
        }
        if !request.body.len().is_multiple_of(256 * 1024) && total == "*" {
            return Err(ApiError::new(
                400,
                "a piece has to be a multiple of 256 KiB",
            ));
        }
        upload.data.extend_from_slice(&request.body);
    }
    if total.parse() == Ok(upload.data.len()) {
        let upload = upload.clone();
        let object = store(state, &upload)?;
        state.uploads.remove(id);
        return Ok(Reply::json(200, &object, None));
    }
    let reply = Reply::empty(StatusCode::PERMANENT_REDIRECT);
    Ok(match upload.data.len() {
        0 => reply,
        length => reply.with("range", &format!("bytes=0-{}", length - 1)),
    })
}
