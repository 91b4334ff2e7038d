//! TLS towards others, chosen in one place: rustls with ring, and the public certificate
//! authorities that are built in, because a container made from nothing has none of its own.

use std::{fs, io, sync::Arc};

use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, pem::PemObject as _},
};

use crate::Error;

/// Names the authorities that are trusted beside the public ones.
pub(crate) const AUTHORITIES: &str = "MCPO_CA";
/// What a variable with authorities may hold.
pub(crate) const AUTHORITIES_HELP: &str = "certificates in PEM, or the path of a file with them";

/// Why certificate authorities cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AuthoritiesError {
    #[error("cannot be read: {0}")]
    Read(#[from] io::Error),
    #[error("has no certificate in it: `-----BEGIN CERTIFICATE-----` is looked for")]
    Empty,
    #[error("cannot be used: certificate {0} in it is not one, or broken")]
    Broken(usize),
    #[error("is not UTF-8")]
    Text,
}

/// How connections are made: trusting `roots`, or else the public authorities.
pub(crate) fn client_config(roots: Option<RootCertStore>) -> Result<ClientConfig, Error> {
    let roots = roots.unwrap_or_else(public);
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(Error::internal)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(config)
}

/// The same for servers that the owner of this one has named, or a tool asks: whom a company's own
/// authorities vouch for is trusted as well. The process's environment says which those are.
pub(crate) fn outgoing_config() -> Result<ClientConfig, Error> {
    let Some(value) = std::env::var_os(AUTHORITIES).filter(|value| !value.is_empty()) else {
        return client_config(None);
    };
    let more = value
        .to_str()
        .ok_or(AuthoritiesError::Text)
        .and_then(authorities)
        .map_err(|error| Error::Authorities {
            variable: named(value.to_str().unwrap_or_default()),
            source: Box::new(error),
        })?;
    let mut roots = public();
    roots.roots.extend(more.roots);
    client_config(Some(roots))
}

fn public() -> RootCertStore {
    RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    }
}

/// `MCPO_CA=path`; certificates are left out.
fn named(value: &str) -> String {
    if is_pem(value) {
        AUTHORITIES.to_owned()
    } else {
        format!("{AUTHORITIES}={value:?}")
    }
}

/// Whether a value is certificates and not the path of a file.
pub(crate) fn is_pem(value: &str) -> bool {
    value.trim_start().starts_with("-----BEGIN")
}

/// The authorities that a variable's value holds or leads to.
pub(crate) fn authorities(value: &str) -> Result<RootCertStore, AuthoritiesError> {
    if is_pem(value) {
        authorities_in(value.as_bytes())
    } else {
        authorities_in(&fs::read(value)?)
    }
}

/// The authorities in this PEM; one that cannot be used is never passed over.
pub(crate) fn authorities_in(pem: &[u8]) -> Result<RootCertStore, AuthoritiesError> {
    let mut roots = RootCertStore::empty();
    for (index, certificate) in CertificateDer::pem_slice_iter(pem).enumerate() {
        let broken = || AuthoritiesError::Broken(index + 1);
        let certificate = certificate.map_err(|_| broken())?;
        roots.add(certificate).map_err(|_| broken())?;
    }
    if roots.is_empty() {
        return Err(AuthoritiesError::Empty);
    }
    Ok(roots)
}
