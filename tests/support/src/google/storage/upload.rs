//! Uploads: simple, multipart with metadata, and resumable.

use hyper::StatusCode;
use serde_json::Value;

use super::{
    super::{
        Cloud,
        call::Call,
        error::{Answer, ApiError},
        http::{Reply, Request},
        state::{Object, State, Upload, timestamp},
    },
    WRITE, check_access, check_generation, describe, wanted_generation,
};

/// Handles `storage.objects.insert` and the pieces of a resumable upload.
pub fn upload(cloud: &Cloud, call: &Call, request: &Request) -> Result<Reply, ApiError> {
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
                    custom_time: None,
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
                    custom_time: facts["customTime"].as_str().map(str::to_owned),
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
        custom_time: upload.custom_time.clone(),
    };
    let description = describe(&upload.bucket, &upload.name, &object);
    state
        .objects
        .insert((upload.bucket.clone(), upload.name.clone()), object);
    Ok(description)
}

/// Splits `multipart/related` into the JSON metadata, the content type and the data.
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
        return resume_upload(state, id, request);
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
        custom_time: None,
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

/// Stores the next piece, or reports the progress (`bytes */SIZE`).
fn resume_upload(state: &mut State, id: &str, request: &Request) -> Result<Reply, ApiError> {
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
                "the size of a piece must be a multiple of 256 KiB",
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
