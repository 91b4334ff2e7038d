//! Pushes images to the registry. Existing blobs are skipped; others are mounted from another image
//! or uploaded.

mod artifacts;
mod errors;

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

use mcpo_common::error::{Failure, Outcome};
use tokio::sync::Mutex;

pub use self::artifacts::MAX_DOCUMENT;
use self::errors::{explain, is_missing, is_passing, is_unauthorized};
use crate::{
    google::{Google, http::Retry},
    image::{Blob, Image, MANIFEST_TYPE},
    names::Names,
};

/// The user name that marks the password as an access token.
const USER: &str = "oauth2accesstoken";
const CHUNK_SIZE: usize = 64 * 1024;
/// The maximum duration of one transfer.
const TRANSFER_TIMEOUT: Duration = Duration::from_secs(600);

/// The prefix of tags of images built by Cloud Build, followed by the hash of the source.
pub const SOURCE_TAG: &str = "source-";

/// Returns the tag of an image that was built locally: the first 12 digits of its digest.
fn tag_of(digest: &str) -> String {
    digest
        .trim_start_matches("sha256:")
        .chars()
        .take(12)
        .collect()
}

/// Returns true if the tag has a form that only mcpo gives to the image `digest`.
pub fn is_our_tag(tag: &str, digest: &str) -> bool {
    let is_hash = |text: &str| text.len() == 16 && text.chars().all(|c| c.is_ascii_hexdigit());
    tag == tag_of(digest) || tag.strip_prefix(SOURCE_TAG).is_some_and(is_hash)
}

/// The result of a push.
#[derive(Debug, Default)]
pub struct Pushed {
    pub uploaded: u64,
    /// The image that blobs were mounted from.
    pub mounted: Option<String>,
}

/// How a blob got into the registry.
enum BlobOutcome {
    WasThere,
    Mounted(String),
    Uploaded(u64),
}

/// The repository of one image in a registry.
pub struct Registry<'a> {
    google: &'a Google,
    host: String,
    path: String,
    /// Reused until it fails: creating a client reads the machine's certificates.
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

    /// Returns the repository of an image of any service; `None` if the image is not in Artifact
    /// Registry, because the access token must not be sent elsewhere.
    pub fn of_image(google: &'a Google, image: &str) -> Option<Self> {
        let (host, path) = image.split_once('/')?;
        let region = host.strip_suffix("-docker.pkg.dev")?;
        let is_region = region
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '-');
        let path = path.split(['@', ':']).next()?;
        is_region.then(|| Self {
            google,
            host: host.to_owned(),
            path: path.to_owned(),
            client: Mutex::new(None),
        })
    }

    /// Returns `HOST/PATH`.
    pub fn name(&self) -> String {
        format!("{}/{}", self.host, self.path)
    }

    /// Returns `HOST/PATH@DIGEST`.
    pub fn reference(&self, digest: &str) -> String {
        format!("{}/{}@{digest}", self.host, self.path)
    }

    /// Returns true if the registry has the image with this digest.
    pub async fn has(&self, digest: &str) -> Outcome<bool> {
        Ok(self.digest(self.by_digest(digest)).await?.is_some())
    }

    /// Returns the digest of the image with this tag.
    pub async fn digest_of(&self, tag: &str) -> Outcome<Option<String>> {
        let reference = Reference::with_tag(self.host.clone(), self.path.clone(), tag.to_owned());
        self.digest(reference).await
    }

    async fn digest(&self, reference: Reference) -> Outcome<Option<String>> {
        self.retrying("read the image", |client| {
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

    /// Pushes the missing blobs and the manifest. Mounts a blob from another image of this registry
    /// if allowed, and uploads it otherwise.
    pub async fn push(
        &self,
        image: &Image,
        mount_from: &[String],
        progress: &ProgressBar,
    ) -> Outcome<Pushed> {
        let mut pushed = Pushed::default();
        // The configuration is too small for a progress bar.
        let hidden = ProgressBar::hidden();
        for (blob, progress) in [(&image.layer, progress), (&image.config, &hidden)] {
            match self.push_blob(blob, mount_from, progress).await? {
                BlobOutcome::WasThere => {}
                BlobOutcome::Mounted(from) => pushed.mounted = Some(from),
                BlobOutcome::Uploaded(bytes) => pushed.uploaded += bytes,
            }
        }
        let tag = tag_of(&image.manifest.digest);
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
        Ok(pushed)
    }

    async fn push_blob(
        &self,
        blob: &Blob,
        mount_from: &[String],
        progress: &ProgressBar,
    ) -> Outcome<BlobOutcome> {
        let reference = self.by_digest(&blob.digest);
        let size = blob.bytes.len() as u64;
        self.retrying("push the image", |client| {
            let (reference, blob, progress) = (reference.clone(), blob.clone(), progress.clone());
            async move {
                if client.blob_exists(&reference, &blob.digest).await? {
                    return Ok(BlobOutcome::WasThere);
                }
                if let Some(from) = self.mount(&client, &reference, &blob, mount_from).await {
                    return Ok(BlobOutcome::Mounted(from));
                }
                // Excludes the time for the token and the earlier requests.
                progress.reset();
                let pieces = stream::iter(pieces(blob.bytes.clone(), progress));
                client
                    .push_blob_stream(&reference, pieces, &blob.digest, Some(size))
                    .await?;
                Ok(BlobOutcome::Uploaded(size))
            }
        })
        .await
    }

    /// Mounts the blob from another image. If the registry does not respond with "created", the
    /// blob is uploaded, so that a missing permission for the other image is not an error.
    async fn mount(
        &self,
        client: &Client,
        reference: &Reference,
        blob: &Blob,
        mount_from: &[String],
    ) -> Option<String> {
        for path in mount_from {
            let digest = blob.digest.clone();
            let source = Reference::with_digest(self.host.clone(), path.clone(), digest);
            let mounted = client.mount_blob(reference, &source, &blob.digest).await;
            if mounted.is_ok() {
                return Some(path.clone());
            }
        }
        None
    }

    fn by_digest(&self, digest: &str) -> Reference {
        Reference::with_digest(self.host.clone(), self.path.clone(), digest.to_owned())
    }

    /// Retries with a new client after a failure: the token may have expired, or the connection may
    /// be dead.
    async fn retrying<T, F>(&self, what: &str, action: impl Fn(Arc<Client>) -> F) -> Outcome<T>
    where
        F: Future<Output = Result<T, OciDistributionError>>,
    {
        let mut retry = Retry::new();
        loop {
            let client = self.client().await?;
            let outcome = tokio::time::timeout(TRANSFER_TIMEOUT, action(client)).await;
            let (error, passes) = match outcome {
                Ok(Ok(done)) => return Ok(done),
                Ok(Err(error)) => {
                    if is_unauthorized(&error) {
                        self.google.credentials().renew().await;
                    }
                    let passes = is_passing(&error);
                    (explain(&error), passes)
                }
                Err(_) => ("timed out".to_owned(), true),
            };
            *self.client.lock().await = None;
            if !passes || !retry.pause(None).await {
                let cause = std::io::Error::other(error);
                return Err(Failure::new(format!("failed to {what} at {}", self.host)).because(&cause).hint(
                    "pushing requires roles/artifactregistry.writer; run the same command again to continue",
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
            // In addition to the machine's certificates, which may be missing.
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
        // Sends no request; the token is exchanged at the first request.
        client.store_auth_if_needed(&self.host, &auth).await;
        Ok(Arc::clone(held.insert(Arc::new(client))))
    }
}

fn pieces(
    bytes: Bytes,
    progress: ProgressBar,
) -> impl Iterator<Item = Result<Bytes, OciDistributionError>> {
    let count = bytes.len().div_ceil(CHUNK_SIZE);
    (0..count).map(move |index| {
        let end = bytes.len().min((index + 1) * CHUNK_SIZE);
        let piece = bytes.slice(index * CHUNK_SIZE..end);
        progress.inc(piece.len() as u64);
        Ok(piece)
    })
}
