//! Uploads an object with a resumable upload, which continues after an interruption.
//! <https://cloud.google.com/storage/docs/performing-resumable-uploads>

use bytes::Bytes;
use indicatif::ProgressBar;
use mcpo_common::error::{Failure, Outcome};
use reqwest::{StatusCode, header};

use crate::{
    context::Context,
    google::{
        ErrorContext as _, GoogleError,
        http::{Reply, Retry, is_passing},
        method,
    },
};

/// The size of one request: a multiple of 256 KiB, as Google requires, and small enough for a slow
/// connection.
const CHUNK_SIZE: usize = 1024 * 1024;
const HOST: &str = "storage.googleapis.com";

/// Uploads `data` as an object.
pub async fn upload(
    context: &Context<'_>,
    bucket: &str,
    object: &str,
    data: Bytes,
    progress: &ProgressBar,
) -> Outcome<()> {
    let during = "failed to upload the source";
    let session = begin(context, bucket, object).await.during(during)?;
    let mut retry = Retry::new();
    let mut from = 0;
    loop {
        progress.set_position(from as u64);
        match put(context, &session, &data, from).await {
            Ok(Progress::Done) => return Ok(()),
            Ok(Progress::Until(next)) if next > from && next <= data.len() => {
                retry = Retry::new();
                from = next;
            }
            Ok(Progress::Until(_)) => {
                if !retry.pause(None).await {
                    let cause = std::io::Error::other("the upload makes no progress");
                    return Err(Failure::new(during).because(&cause));
                }
            }
            Err(why) => {
                if !retry.pause(None).await {
                    let cause = std::io::Error::other(why);
                    return Err(Failure::new(during).because(&cause));
                }
                // Continue after the last byte that Google has received.
                if let Some(Progress::Until(next)) = ask(context, &session, data.len()).await
                    && next <= data.len()
                {
                    from = next;
                }
            }
        }
    }
}

enum Progress {
    Done,
    Until(usize),
}

async fn begin(context: &Context<'_>, bucket: &str, object: &str) -> Result<String, GoogleError> {
    let google = &context.google;
    let token = google
        .credentials()
        .token()
        .await
        .map_err(|why| GoogleError::CredentialError(why.to_string()))?;
    let name: String = url::form_urlencoded::byte_serialize(object.as_bytes()).collect();
    let url =
        format!("https://{HOST}/upload/storage/v1/b/{bucket}/o?uploadType=resumable&name={name}");
    let reply = google
        .http()
        .send(HOST, |client| {
            client
                .post(&url)
                .bearer_auth(token.expose())
                .header("x-upload-content-type", "application/gzip")
                .header(header::CONTENT_LENGTH, 0)
        })
        .await?;
    let location = reply
        .headers
        .get(header::LOCATION)
        .and_then(|value| value.to_str().ok());
    match location {
        Some(location) if reply.status.is_success() => Ok(location.to_owned()),
        _ => Err(GoogleError::read(
            &method::OBJECT_INSERT,
            &reply,
            google.credentials().who(),
            false,
        )),
    }
}

/// Sends the next piece in a single attempt; what must be sent next depends on how much arrived.
async fn put(
    context: &Context<'_>,
    session: &str,
    data: &Bytes,
    from: usize,
) -> Result<Progress, String> {
    let until = data.len().min(from + CHUNK_SIZE);
    let range = format!("bytes {from}-{}/{}", until.saturating_sub(1), data.len());
    let piece = data.slice(from..until);
    let sent = context.google.http().send_once(HOST, |client| {
        client
            .put(session)
            .header(header::CONTENT_RANGE, &range)
            .body(piece.clone())
    });
    read(&sent.await.map_err(|error| error.to_string())?)
}

/// Asks how many bytes have arrived.
async fn ask(context: &Context<'_>, session: &str, length: usize) -> Option<Progress> {
    let range = format!("bytes */{length}");
    let asked = context.google.http().send(HOST, |client| {
        client
            .put(session)
            .header(header::CONTENT_RANGE, &range)
            .header(header::CONTENT_LENGTH, 0)
    });
    read(&asked.await.ok()?).ok()
}

fn read(reply: &Reply) -> Result<Progress, String> {
    match reply.status {
        StatusCode::OK | StatusCode::CREATED => Ok(Progress::Done),
        StatusCode::PERMANENT_REDIRECT => {
            let range = reply
                .headers
                .get(header::RANGE)
                .and_then(|value| value.to_str().ok());
            let last = range.and_then(|range| range.rsplit('-').next()?.parse::<usize>().ok());
            Ok(Progress::Until(
                last.map_or(0, |last| last.saturating_add(1)),
            ))
        }
        status if is_passing(status) => Err(format!("HTTP {}", status.as_u16())),
        status => Err(format!(
            "Google refused the upload with HTTP {}",
            status.as_u16()
        )),
    }
}
