//! TLS for outgoing connections, configured in one place: rustls with ring. The public certificate
//! authorities are built in, because a minimal container has none.

use std::{fs, io, sync::Arc};

use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, pem::PemObject as _},
};

use crate::base::error::Error;

/// The variable with authorities that are trusted in addition to the public ones.
pub(crate) const AUTHORITIES_VARIABLE: &str = "MCPO_CA";

/// The reason why certificate authorities cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AuthoritiesError {
    #[error("cannot be read: {0}")]
    Read(#[from] io::Error),
    #[error("contains no certificate in PEM (`-----BEGIN CERTIFICATE-----`)")]
    Empty,
    #[error("cannot be used: certificate {0} in it is not valid")]
    Broken(usize),
    #[error("is not UTF-8")]
    Text,
}

/// Returns the TLS configuration that trusts `roots`, or else the public authorities.
pub(crate) fn client_config(roots: Option<RootCertStore>) -> Result<ClientConfig, Error> {
    let roots = roots.unwrap_or_else(public);
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(Error::internal)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(config)
}

/// Returns the TLS configuration for servers that the owner configured or that a tool requests. It
/// also trusts the authorities in the environment variable `MCPO_CA`, such as those of a company.
pub(crate) fn outgoing_config() -> Result<ClientConfig, Error> {
    let Some(value) = std::env::var_os(AUTHORITIES_VARIABLE).filter(|value| !value.is_empty())
    else {
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

/// Returns `MCPO_CA=path` for error messages, without the value if it is PEM.
fn named(value: &str) -> String {
    if is_pem(value) {
        AUTHORITIES_VARIABLE.to_owned()
    } else {
        format!("{AUTHORITIES_VARIABLE}={value:?}")
    }
}

/// Returns true if a value contains certificates instead of a file path.
pub(crate) fn is_pem(value: &str) -> bool {
    value.trim_start().starts_with("-----BEGIN")
}

/// Reads the authorities in a variable's value, or in the file that the value names.
pub(crate) fn authorities(value: &str) -> Result<RootCertStore, AuthoritiesError> {
    if is_pem(value) {
        authorities_in(value.as_bytes())
    } else {
        authorities_in(&fs::read(value)?)
    }
}

/// Reads the authorities in this PEM. Any invalid certificate is an error.
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
