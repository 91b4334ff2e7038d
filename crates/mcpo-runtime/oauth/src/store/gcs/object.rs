//! Reads and writes objects of the bucket through Google's JSON API (storage v1).

use std::{
    fmt::Write as _,
    sync::{Arc, Mutex, PoisonError},
};

use http::{HeaderMap, StatusCode, header};
use reqwest::RequestBuilder;
use serde_json::json;

use super::{
    Found, Put, http as wire,
    http::{BucketName, Endpoints, GcsError, Http},
    token::Tokens,
};
use crate::base::clock::{Clock, Timestamp};
use crate::store::{
    contract::{GrantId, difference},
    prefix::RecordPrefix,
};

const SERVICE: &str = "Cloud Storage";
const GENERATION: &str = "x-goog-generation";
const BOUNDARY: &str = "mcpo-grant";

/// The objects of the bucket that store grants.
pub(super) struct Objects {
    bucket: BucketName,
    prefix: RecordPrefix,
    endpoints: Endpoints,
    http: Http,
    tokens: Tokens,
    clock: Arc<dyn Clock>,
    clock_difference: Mutex<Option<i64>>,
}

impl Objects {
    pub(super) fn new(bucket: BucketName, endpoints: Endpoints, clock: Arc<dyn Clock>) -> Self {
        Self {
            bucket,
            prefix: RecordPrefix::default(),
            tokens: Tokens::new(endpoints.metadata.clone()),
            endpoints,
            http: Http::new(),
            clock,
            clock_difference: Mutex::default(),
        }
    }

    pub(super) fn set_prefix(&mut self, prefix: RecordPrefix) {
        self.prefix = prefix;
    }

    /// Returns the current object.
    pub(super) async fn get(&self, id: GrantId) -> Result<Option<Found>, GcsError> {
        let object = name(&self.prefix, id);
        let path = format!("storage/v1/b/{}/o/{object}?alt=media", self.bucket);
        let request = self.http.client()?.get(self.url(&path)?);
        let answer = self.ask(request).await?;
        match answer.status() {
            StatusCode::NOT_FOUND => Ok(None),
            StatusCode::OK => {
                let generation = generation(answer.headers())?;
                let body = wire::body(SERVICE, answer).await?;
                let stored = serde_json::from_slice(&body).map_err(|error| {
                    GcsError::Permanent(format!(
                        "the object is not a grant record that this version can read: {error}"
                    ))
                })?;
                Ok(Some(Found { stored, generation }))
            }
            status => Err(self.refusal(status)),
        }
    }

    /// Writes the object if its generation is still `generation`; 0 means that the object must not
    /// exist. The object's expiry time lets the bucket delete it later.
    pub(super) async fn put(
        &self,
        id: GrantId,
        generation: u64,
        text: &str,
        expires_at: Timestamp,
    ) -> Result<Put, GcsError> {
        let path = format!(
            "upload/storage/v1/b/{}/o?uploadType=multipart&ifGenerationMatch={generation}",
            self.bucket
        );
        let request = self.http.client()?.post(self.url(&path)?);
        let kind = format!("multipart/related; boundary={BOUNDARY}");
        let request = request.header(header::CONTENT_TYPE, kind);
        let facts = json!({ "name": name(&self.prefix, id), "customTime": rfc_3339(expires_at) });
        match self.ask(request.body(parts(&facts, text))).await?.status() {
            StatusCode::OK => Ok(Put::Done),
            StatusCode::PRECONDITION_FAILED => Ok(Put::Refused),
            // The object with the expected generation was deleted.
            StatusCode::NOT_FOUND if generation > 0 => Ok(Put::Refused),
            status => Err(self.refusal(status)),
        }
    }

    async fn ask(&self, mut request: RequestBuilder) -> Result<reqwest::Response, GcsError> {
        if let Some(token) = self.tokens.current(self.http.client()?).await? {
            request = request.header(header::AUTHORIZATION, token);
        }
        let answer = wire::ask(SERVICE, request).await;
        if let Ok(answer) = &answer {
            self.note_time(answer.headers());
        }
        if let Err(GcsError::Token(_)) = &answer {
            self.tokens.forget().await;
        }
        answer
    }

    /// Returns by how many seconds Google's clock was ahead in the latest response.
    pub(super) fn clock_difference(&self) -> Option<i64> {
        let difference = self.clock_difference.lock();
        *difference.unwrap_or_else(PoisonError::into_inner)
    }

    fn note_time(&self, headers: &HeaderMap) {
        let date = headers.get(header::DATE);
        let date = date.and_then(|value| value.to_str().ok());
        let date = date.and_then(|text| chrono::DateTime::parse_from_rfc2822(text).ok());
        let seconds = date.and_then(|date| u64::try_from(date.timestamp()).ok());
        if let Some(seconds) = seconds {
            let difference = difference(Timestamp(seconds), self.clock.now());
            let mut latest = self.clock_difference.lock();
            let latest = latest.as_deref_mut();
            if let Ok(latest) = latest {
                *latest = Some(difference);
            }
        }
    }

    fn url(&self, path: &str) -> Result<url::Url, GcsError> {
        let url = self.endpoints.storage.join(path);
        url.map_err(|error| GcsError::Permanent(format!("invalid URL of {SERVICE}: {error}")))
    }

    fn refusal(&self, status: StatusCode) -> GcsError {
        let bucket = &self.bucket;
        let hint = match status {
            StatusCode::FORBIDDEN => {
                "; this service's account needs roles/storage.objectUser on the bucket"
            }
            StatusCode::NOT_FOUND => "; the bucket does not exist",
            _ => "",
        };
        GcsError::Permanent(format!(
            "bucket {bucket}: {SERVICE} answered {status}{hint}"
        ))
    }
}

/// Returns the body of an upload: the metadata of an object and its content. This JSON contains no
/// line breaks, so none of its lines can be the boundary.
fn parts(facts: &serde_json::Value, text: &str) -> String {
    let head = "Content-Type: application/json\r\n\r\n";
    format!("--{BOUNDARY}\r\n{head}{facts}\r\n--{BOUNDARY}\r\n{head}{text}\r\n--{BOUNDARY}--\r\n")
}

/// Formats a time as Google expects it. Returns `None` for a time beyond the calendar.
fn rfc_3339(time: Timestamp) -> Option<String> {
    let seconds = i64::try_from(time.0).ok()?;
    let time = chrono::DateTime::from_timestamp(seconds, 0)?;
    Some(time.to_rfc3339_opts(chrono::SecondsFormat::Secs, true))
}

/// Returns the name of a grant's object.
fn name(prefix: &RecordPrefix, id: GrantId) -> String {
    let mut name = format!("{prefix}grant-");
    for byte in id.0 {
        // Writing to a string cannot fail.
        let _ = write!(name, "{byte:02x}");
    }
    name
}

fn generation(headers: &HeaderMap) -> Result<u64, GcsError> {
    let value = headers
        .get(GENERATION)
        .and_then(|value| value.to_str().ok());
    let number = value.and_then(|value| value.parse().ok());
    number
        .ok_or_else(|| GcsError::Permanent(format!("the response of {SERVICE} has no generation")))
}

#[cfg(test)]
mod tests {
    use super::{GrantId, RecordPrefix, name};

    #[test]
    fn names_of_objects_are_unchanged_and_may_have_a_prefix() {
        let id = GrantId([0xab; 16]);
        let plain = "grant-abababababababababababababababab";
        assert_eq!(name(&RecordPrefix::default(), id), plain);
        let prefix = RecordPrefix::parse("preview.a.").unwrap();
        assert_eq!(name(&prefix, id), format!("preview.a.{plain}"));
    }
}
