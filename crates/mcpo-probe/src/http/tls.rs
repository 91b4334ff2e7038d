//! TLS for the probe: rustls with ring, and built-in root certificates.

use std::sync::Arc;

use rustls::{
    ClientConfig, ConfigBuilder, RootCertStore, WantsVerifier, crypto::CryptoProvider,
    pki_types::CertificateDer,
};

use super::verifier::ExplainingVerifier;

/// Trusts Mozilla's roots, which are built in, so a machine without a CA bundle works. Also trusts
/// the system's roots, for networks with a private certificate authority, and the user's.
pub fn system_config(own: &[CertificateDer<'static>]) -> Result<ClientConfig, rustls::Error> {
    let mut roots = RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    };
    // Unreadable system roots are not an error: the built-in ones remain.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots.add_parsable_certificates(own.iter().cloned());
    let verifier = Arc::new(ExplainingVerifier::new(roots, provider())?);
    // The verifier of rustls decides; the wrapper only explains its errors.
    let config = builder()?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    Ok(speaking_http1(config.with_no_client_auth()))
}

/// Trusts no certificates: for clients that never use TLS but require a configuration.
pub fn bare_config() -> Result<ClientConfig, rustls::Error> {
    let config = builder()?.with_root_certificates(RootCertStore::empty());
    Ok(speaking_http1(config.with_no_client_auth()))
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn builder() -> Result<ConfigBuilder<ClientConfig, WantsVerifier>, rustls::Error> {
    ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions()
}

fn speaking_http1(mut config: ClientConfig) -> ClientConfig {
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config
}
