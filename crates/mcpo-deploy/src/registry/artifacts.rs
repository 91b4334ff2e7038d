//! Reads and pushes small artifacts, such as the documents that are attached to an image.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use mcpo_common::error::{Failure, Outcome};
use oci_client::{
    Reference, errors::OciDistributionError, manifest::OciDescriptor, secrets::RegistryAuth,
};
use reqwest::header::HeaderValue;
use tokio::io::AsyncWrite;

use super::{Registry, errors::is_missing};
use crate::image::{Blob, MANIFEST_TYPE};

/// The maximum size of a document, in bytes.
pub const MAX_DOCUMENT: u64 = 16 << 20;

/// The types of images. Docker, which Cloud Build runs, pushes its own.
const IMAGE_TYPES: [&str; 4] = [
    MANIFEST_TYPE,
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
];

impl Registry<'_> {
    /// Returns the manifest or index with this tag, as it is stored.
    pub async fn manifest_at(&self, tag: &str, media_type: &str) -> Outcome<Option<Bytes>> {
        self.manifest(&self.by_tag(tag), &[media_type]).await
    }

    /// Returns the manifest of the image with this digest, as it is stored, in any of the types that
    /// container tools push.
    pub async fn image_manifest(&self, digest: &str) -> Outcome<Option<Bytes>> {
        self.manifest(&self.by_digest(digest), &IMAGE_TYPES).await
    }

    async fn manifest(&self, reference: &Reference, accepted: &[&str]) -> Outcome<Option<Bytes>> {
        self.retrying("read a manifest", |client| {
            let reference = reference.clone();
            async move {
                let found = client
                    .pull_manifest_raw(&reference, &RegistryAuth::Anonymous, accepted)
                    .await;
                match found {
                    Ok((bytes, _)) => Ok(Some(bytes)),
                    Err(error) if is_missing(&error) => Ok(None),
                    Err(error) => Err(error),
                }
            }
        })
        .await
    }

    /// Returns the digests of the attachments that the registry lists for an image.
    pub async fn referrers(&self, digest: &str) -> Outcome<Vec<String>> {
        let reference = self.by_digest(digest);
        let list = self.retrying("list the attachments of the image", |client| {
            let reference = reference.clone();
            async move {
                match client.pull_referrers(&reference, None).await {
                    Ok(index) => Ok(index.manifests),
                    Err(error) if is_missing(&error) => Ok(Vec::new()),
                    Err(error) => Err(error),
                }
            }
        });
        let entries = list.await?.into_iter();
        Ok(entries.map(|entry| entry.digest).collect())
    }

    /// Returns a small blob, whose digest is verified.
    pub async fn document(&self, digest: &str, size: u64) -> Outcome<Vec<u8>> {
        if size > MAX_DOCUMENT {
            let what = format!("the attachment {digest} has {size} bytes");
            return Err(Failure::new(what).hint(format!("mcpo reads at most {MAX_DOCUMENT} bytes")));
        }
        let reference = self.by_digest(digest);
        self.retrying("read an attachment", |client| {
            let reference = reference.clone();
            async move {
                let descriptor = OciDescriptor {
                    digest: digest.to_owned(),
                    size: i64::try_from(size).unwrap_or(i64::MAX),
                    ..OciDescriptor::default()
                };
                let mut received = Received::new(size);
                client
                    .pull_blob(&reference, &descriptor, &mut received)
                    .await?;
                Ok(received.bytes)
            }
        })
        .await
    }

    /// Pushes a small blob that the registry does not have.
    pub async fn push_document(&self, blob: &Blob) -> Outcome<()> {
        let reference = self.by_digest(&blob.digest);
        self.retrying("push an attachment", |client| {
            let (reference, blob) = (reference.clone(), blob.clone());
            async move {
                if client.blob_exists(&reference, &blob.digest).await? {
                    return Ok(());
                }
                client
                    .push_blob(&reference, blob.bytes, &blob.digest)
                    .await?;
                Ok(())
            }
        })
        .await
    }

    /// Pushes a manifest or index under a tag.
    pub async fn push_manifest(
        &self,
        tag: &str,
        media_type: &'static str,
        bytes: &Bytes,
    ) -> Outcome<()> {
        let reference = self.by_tag(tag);
        self.retrying("push a manifest", |client| {
            let (reference, bytes) = (reference.clone(), bytes.clone());
            async move {
                let kind = HeaderValue::from_static(media_type);
                client.push_manifest_raw(&reference, bytes, kind).await?;
                Ok::<(), OciDistributionError>(())
            }
        })
        .await
    }

    fn by_tag(&self, tag: &str) -> Reference {
        Reference::with_tag(self.host.clone(), self.path.clone(), tag.to_owned())
    }
}

/// The received part of a document. Refuses more bytes than the manifest announced.
struct Received {
    bytes: Vec<u8>,
    limit: u64,
}

impl Received {
    const fn new(limit: u64) -> Self {
        let bytes = Vec::new();
        Self { bytes, limit }
    }
}

impl AsyncWrite for Received {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        piece: &[u8],
    ) -> Poll<io::Result<usize>> {
        let length = self.bytes.len() as u64 + piece.len() as u64;
        if length > self.limit {
            let what = format!("the attachment is larger than {} bytes", self.limit);
            return Poll::Ready(Err(io::Error::other(what)));
        }
        self.bytes.extend_from_slice(piece);
        Poll::Ready(Ok(piece.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt as _;

    use super::Received;

    #[tokio::test]
    async fn document_that_is_too_large_is_refused() {
        let mut received = Received::new(4);
        received.write_all(b"abcd").await.unwrap();
        assert!(received.write_all(b"e").await.is_err());
        assert_eq!(received.bytes, b"abcd");
    }
}
