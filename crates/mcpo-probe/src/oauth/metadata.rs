//! Reads metadata documents, which the resource and the authorization server publish alike.

use serde::de::DeserializeOwned;
use url::Url;

use crate::{
    check::{Log, Pending, Step},
    documents::{self, Kind},
    http::Answer,
};

/// Returns the metadata in the response from `url`, still unverified, and the check that continues
/// with it. If the response is not a document of this kind, the check fails.
pub fn read<T: DeserializeOwned>(
    log: &mut Log<'_>,
    pending: Pending,
    kind: Kind,
    url: &Url,
    answer: &Answer,
) -> Step<(T, Pending)> {
    match documents::read(kind, answer) {
        Ok(metadata) => Ok((metadata, pending)),
        Err(rejection) => {
            let fault = documents::unreadable(kind, url, answer, &rejection);
            Err(pending.fail(log, fault))
        }
    }
}
