//! Discovery of an issuer's endpoints and keys (RFC 8414, OpenID Connect Discovery).

use std::sync::Arc;

use http::StatusCode;
use serde::de::DeserializeOwned;
use url::Url;

use super::{
    issuer::{Issuer, IssuerDocuments, IssuerError, Metadata, MetadataKind},
    keys::{KeySet, KeySetDocument},
};
use crate::net::http_client::{HttpError, server_url};

impl Issuer {
    pub(super) async fn ask(&self) -> Result<IssuerDocuments, IssuerError> {
        let metadata = self.discover().await?;
        let url = self.endpoint(&metadata.jwks_uri, "jwks_uri")?;
        let document: KeySetDocument = self.fetch(&url).await?.ok_or_else(|| {
            IssuerError::Unexpected(format!("{url} has no keys in the form of RFC 7517"))
        })?;
        let keys = KeySet::read(document);
        if keys.is_empty() {
            let text = format!("{url} has no key that can verify tokens");
            return Err(IssuerError::Unexpected(text));
        }
        let metadata = Arc::new(metadata);
        Ok(IssuerDocuments { metadata, keys })
    }

    /// Returns the first metadata document that exists. The document must name this issuer (RFC
    /// 8414 §3.3).
    async fn discover(&self) -> Result<Metadata, IssuerError> {
        for url in self.document_urls() {
            let Some(metadata) = self.fetch::<Metadata>(&url).await? else {
                continue;
            };
            if metadata.issuer != self.id {
                let other: String = metadata.issuer.chars().take(200).collect();
                let text = format!("{url} names the issuer {other:?} instead of {:?}", self.id);
                return Err(IssuerError::Unexpected(text));
            }
            return Ok(metadata);
        }
        let text = format!("{} has no metadata (RFC 8414, OpenID Discovery)", self.id);
        Err(IssuerError::Unexpected(text))
    }

    fn document_urls(&self) -> Vec<Url> {
        const SERVER: &str = "/.well-known/oauth-authorization-server";
        const OPENID: &str = "/.well-known/openid-configuration";
        let Ok(base) = Url::parse(&self.id) else {
            return Vec::new();
        };
        let path = base.path().trim_end_matches('/').to_owned();
        let at = |path: String| {
            let mut url = base.clone();
            url.set_path(&path);
            url
        };
        let appended = at(format!("{path}{OPENID}"));
        match self.metadata_kind {
            MetadataKind::OpenId => vec![appended],
            MetadataKind::AuthorizationServer => {
                let mut urls = vec![at(format!("{SERVER}{path}")), at(format!("{OPENID}{path}"))];
                if !urls.contains(&appended) {
                    urls.push(appended);
                }
                urls
            }
        }
    }

    /// Fetches JSON of this type. Returns `None` if the document does not exist.
    async fn fetch<T: DeserializeOwned>(&self, url: &Url) -> Result<Option<T>, IssuerError> {
        let response = self.http.ask(|client| client.get(url.clone())).await;
        let response = response.map_err(|error| match error {
            HttpError::TooLong => IssuerError::Unexpected(format!("{url}: {error}")),
            error => IssuerError::Unavailable(format!("{url}: {error}")),
        })?;
        match response.status {
            StatusCode::OK => response.json().map(Some).ok_or_else(|| {
                IssuerError::Unexpected(format!("{url} is not the JSON that was expected"))
            }),
            StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED | StatusCode::GONE => Ok(None),
            status if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => {
                Err(IssuerError::Unavailable(format!("{url} answers {status}")))
            }
            status => Err(IssuerError::Unexpected(format!("{url} answers {status}"))),
        }
    }

    /// Parses the URL of an endpoint in the metadata: https, or http on this machine if the issuer
    /// also uses http.
    pub(crate) fn endpoint(&self, text: &str, name: &str) -> Result<Url, IssuerError> {
        let is_here = self.id.starts_with("http:");
        let url = Url::parse(text).ok().filter(|url| {
            let mut bare = url.clone();
            bare.set_query(None);
            server_url(bare.as_str()).is_some() && (url.scheme() == "https" || is_here)
        });
        url.ok_or_else(|| {
            let text = format!(
                "the {name} of {} is not the https URL of an endpoint",
                self.id
            );
            IssuerError::Unexpected(text)
        })
    }
}
