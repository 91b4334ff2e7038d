//! TLS towards others, chosen in one place: rustls with ring, and the public certificate
//! authorities that are built in, because a container made from nothing has none of its own.

use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore, crypto::ring};

use crate::Error;

/// How connections are made: trusting `roots`, or else the public authorities.
pub(crate) fn client_config(roots: Option<RootCertStore>) -> Result<ClientConfig, Error> {
    let roots = roots.unwrap_or_else(|| RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    });
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(Error::internal)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(config)
}
