//! Reads metadata documents, which the resource and the authorization server publish alike.

use serde::de::DeserializeOwned;
use url::Url;

use crate::{
    check::{Fault, Log, Pending, Step},
    http::Answer,
};

/// Returns the metadata in the response from `url`, still unverified, and the check that continues
/// with it. If the response is not JSON of this type, the check fails.
pub fn read<T: DeserializeOwned>(
    log: &mut Log<'_>,
    pending: Pending,
    url: &Url,
    answer: &Answer,
) -> Step<(T, Pending)> {
    match answer.json() {
        Ok(metadata) => Ok((metadata, pending)),
        Err(error) => {
            let seen = format!("{url}: {error} in: {}", answer.text());
            let hint = "answer with the JSON document itself, not with a page";
            Err(pending.fail(log, Fault::new(seen, "a JSON document", hint)))
        }
    }
}
