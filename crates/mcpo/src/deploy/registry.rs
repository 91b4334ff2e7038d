//! Pushing an image: nothing that is there already, everything else in one piece each.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::stream;
use indicatif::ProgressBar;
use oci_client::{
    Reference,
    client::{Certificate, CertificateEncoding, Client, ClientConfig},
    errors::OciDistributionError,
    secrets::RegistryAuth,
};

use tokio::sync::Mutex;

use super::{
    google::{Google, http::Retry},
    image::{Blob, Image, MANIFEST_TYPE},
    names::Names,
};
use crate::error::{Failure, Outcome};

/// The user name that says: the password is an access token.
const USER: &str = "oauth2accesstoken";
const PIECE: usize = 64 * 1024;
/// How long one transfer may take before it counts as stuck.
const DEADLINE: Duration = Duration::from_secs(600);

/// One image's place in a registry.
pub struct Registry<'a> {
    google: &'a Google,
    host: String,
    path: String,
    /// Kept while it works: making one reads the machine's certificates.
    client: Mutex<Option<Arc<Client>>>,
}

impl<'a> Registry<'a> {
    pub fn new(google: &'a Google, names: &Names) -> Self {
        Self {
            google,
            host: names.registry(),
            path: names.image(),
            client: Mutex::new(None),
        }
    }

    /// `HOST/PATH@DIGEST`
    pub fn reference(&self, digest: &str) -> String {
        format!("{}/{}@{digest}", self.host, self.path)
    }

    /// Whether this very image is there.
    pub async fn has(&self, digest: &str) -> Outcome<bool> {
        Ok(self.digest(self.by_digest(digest)).await?.is_some())
    }

    /// The digest of the image under this tag.
    pub async fn digest_of(&self, tag: &str) -> Outcome<Option<String>> {
        let reference = Reference::with_tag(self.host.clone(), self.path.clone(), tag.to_owned());
        self.digest(reference).await
    }

    async fn digest(&self, reference: Reference) -> Outcome<Option<String>> {
        self.retrying("look for the image", |client| {
            let reference = reference.clone();
            async move {
                let found = client
                    .fetch_manifest_digest(&reference, &RegistryAuth::Anonymous)
                    .await;
                match found {
                    Ok(digest) => Ok(Some(digest)),
                    Err(error) if is_missing(&error) => Ok(None),
                    Err(error) => Err(error),
                }
            }
        })
        .await
    }

    /// Uploads what is missing; returns how many bytes that were.
    pub async fn push(&self, image: &Image, progress: &ProgressBar) -> Outcome<u64> {
        let mut uploaded = self.push_blob(&image.layer, progress).await?;
        // Too small to be watched.
        uploaded += self
            .push_blob(&image.config, &ProgressBar::hidden())
            .await?;
        let tag = image.manifest.digest["sha256:".len()..][..12].to_owned();
        let reference = Reference::with_tag(self.host.clone(), self.path.clone(), tag);
        let manifest = image.manifest.bytes.clone();
        self.retrying("push the manifest", |client| {
            let (reference, manifest) = (reference.clone(), manifest.clone());
            async move {
                let kind = reqwest::header::HeaderValue::from_static(MANIFEST_TYPE);
                client.push_manifest_raw(&reference, manifest, kind).await
            }
        })
        .await?;
        Ok(uploaded)
    }

    async fn push_blob(&self, blob: &Blob, progress: &ProgressBar) -> Outcome<u64> {
        let reference = self.by_digest(&blob.digest);
        let size = blob.bytes.len() as u64;
        self.retrying("push the image", |client| {
            let (reference, blob, progress) = (reference.clone(), blob.clone(), progress.clone());
            async move {
                if client.blob_exists(&reference, &blob.digest).await? {
                    return Ok(0);
                }
                progress.set_position(0);
                let pieces = stream::iter(pieces(blob.bytes.clone(), progress));
                client
                    .push_blob_stream(&reference, pieces, &blob.digest, Some(size))
                    .await?;
                Ok(size)
            }
        })
        .await
    }

    fn by_digest(&self, digest: &str) -> Reference {
        Reference::with_digest(self.host.clone(), self.path.clone(), digest.to_owned())
    }

    /// After a failure, with another client: a token may have ended, a connection may be dead.
    async fn retrying<T, F>(&self, what: &str, action: impl Fn(Arc<Client>) -> F) -> Outcome<T>
    where
        F: Future<Output = Result<T, OciDistributionError>>,
    {
        let mut retry = Retry::new();
        loop {
            let client = self.client().await?;
            let outcome = tokio::time::timeout(DEADLINE, action(client)).await;
            let (error, passes) = match outcome {
                Ok(Ok(done)) => return Ok(done),
                Ok(Err(error)) => {
                    if is_unauthorized(&error) {
                        self.google.credentials().renew().await;
                    }
                    let passes = is_passing(&error);
                    (explain(&error), passes)
                }
                Err(_) => ("it took too long".to_owned(), true),
            };
            *self.client.lock().await = None;
            if !passes || !retry.pause(None).await {
                let cause = std::io::Error::other(error);
                return Err(Failure::new(format!("failed to {what} at {}", self.host)).because(&cause).hint(
                    "pushing takes the role roles/artifactregistry.writer; the same command goes on where this one ended",
                ));
            }
        }
    }

    async fn client(&self) -> Outcome<Arc<Client>> {
        let mut held = self.client.lock().await;
        if let Some(client) = &*held {
            return Ok(Arc::clone(client));
        }
        let token = self.google.credentials().token().await;
        let token =
            token.map_err(|error| Failure::new("failed to get an access token").because(&error))?;
        let roots = webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter();
        let config = ClientConfig {
            use_monolithic_push: true,
            connect_timeout: Some(Duration::from_secs(15)),
            read_timeout: Some(Duration::from_secs(60)),
            user_agent: concat!("mcpo/", env!("CARGO_PKG_VERSION")),
            // Beside the machine's own, which may have none.
            extra_root_certificates: roots
                .map(|root| Certificate {
                    encoding: CertificateEncoding::Der,
                    data: root.to_vec(),
                })
                .collect(),
            ..ClientConfig::default()
        };
        let client = Client::try_from(config).map_err(|error| {
            Failure::new("failed to set up the registry's client").because(&error)
        })?;
        let auth = RegistryAuth::Basic(USER.to_owned(), token.expose().to_owned());
        // Asks nothing yet: the token is exchanged at the first request.
        client.store_auth_if_needed(&self.host, &auth).await;
        Ok(Arc::clone(held.insert(Arc::new(client))))
    }
}

fn pieces(
    bytes: Bytes,
    progress: ProgressBar,
) -> impl Iterator<Item = Result<Bytes, OciDistributionError>> {
    let count = bytes.len().div_ceil(PIECE);
    (0..count).map(move |index| {
        let end = bytes.len().min((index + 1) * PIECE);
        let piece = bytes.slice(index * PIECE..end);
        progress.inc(piece.len() as u64);
        Ok(piece)
    })
}

fn status(error: &OciDistributionError) -> Option<u16> {
    match error {
        OciDistributionError::ServerError { code, .. } => Some(*code),
        OciDistributionError::RequestError(error) => error.status().map(|status| status.as_u16()),
        _ => None,
    }
}

fn is_missing(error: &OciDistributionError) -> bool {
    match error {
        OciDistributionError::ImageManifestNotFoundError(_) => true,
        OciDistributionError::RegistryError { envelope, .. } => {
            envelope.errors.iter().any(|error| {
                use oci_client::errors::OciErrorCode::{ManifestUnknown, NameUnknown, NotFound};
                matches!(error.code, ManifestUnknown | NameUnknown | NotFound)
            })
        }
        other => status(other) == Some(404),
    }
}

fn is_unauthorized(error: &OciDistributionError) -> bool {
    matches!(
        error,
        OciDistributionError::UnauthorizedError { .. }
            | OciDistributionError::AuthenticationFailure(_)
    ) || status(error) == Some(401)
}

/// Whether the same may well succeed in a moment.
fn is_passing(error: &OciDistributionError) -> bool {
    match (error, status(error)) {
        (_, Some(code)) => matches!(code, 401 | 408 | 429 | 500 | 502 | 503 | 504),
        (OciDistributionError::RequestError(_) | OciDistributionError::IoError(_), None) => true,
        (error, None) => is_unauthorized(error),
    }
}

/// The innermost cause, without the URL, which can carry an upload's key.
fn explain(error: &OciDistributionError) -> String {
    match error {
        OciDistributionError::ServerError { code, message, .. } => {
            let message: String = message.chars().take(200).collect();
            format!("HTTP {code}: {message}")
        }
        OciDistributionError::RequestError(error) => {
            if let Some(status) = error.status() {
                return format!("HTTP {status}");
            }
            let mut cause: &dyn std::error::Error = error;
            while let Some(inner) = cause.source() {
                cause = inner;
            }
            cause.to_string()
        }
        OciDistributionError::UnauthorizedError { .. } => "not authorized".to_owned(),
        other => other.to_string(),
    }
}
