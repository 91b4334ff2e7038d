//! Verifies certificates as every client does, and says more if they are not trusted.

use std::sync::Arc;

use mcpo_common::text::count;
use rustls::{
    CertificateError, DigitallySignedStruct, Error, OtherError, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::CryptoProvider,
    pki_types::{CertificateDer, ServerName, UnixTime},
};

use super::certificate::{CertificateNames, words};

/// A chain of certificates that leads to no trusted authority.
#[derive(Debug, thiserror::Error)]
pub enum UntrustedChain {
    #[error(
        "the certificate is signed by an unknown authority: the server sent {sent}, and the last one \
         is signed by {signer}"
    )]
    UnknownSigner { sent: String, signer: String },
    #[error("the certificate is signed by itself")]
    SelfSigned,
}

impl UntrustedChain {
    fn of(end_entity: &[u8], intermediates: &[CertificateDer<'_>]) -> Self {
        let last = intermediates.last().map_or(end_entity, AsRef::as_ref);
        let names = CertificateNames::of(last);
        let is_alone = intermediates.is_empty();
        if is_alone
            && names
                .as_ref()
                .is_some_and(|names| names.issuer == names.subject)
        {
            return Self::SelfSigned;
        }
        let signer = names.and_then(|names| words(names.issuer));
        let signer = signer.map_or_else(|| "?".to_owned(), |signer| format!("“{signer}”"));
        Self::UnknownSigner {
            sent: count(intermediates.len() + 1, "certificate"),
            signer,
        }
    }
}

/// The verifier of rustls, with a longer explanation of unknown issuers.
#[derive(Debug)]
pub struct ExplainingVerifier(Arc<WebPkiServerVerifier>);

impl ExplainingVerifier {
    pub fn new(roots: RootCertStore, provider: Arc<CryptoProvider>) -> Result<Self, Error> {
        let builder = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider);
        let inner = builder.build();
        Ok(Self(
            inner.map_err(|error| Error::General(error.to_string()))?,
        ))
    }
}

impl ServerCertVerifier for ExplainingVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verified =
            self.0
                .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        verified.map_err(|error| match error {
            Error::InvalidCertificate(CertificateError::UnknownIssuer) => {
                let chain = UntrustedChain::of(end_entity, intermediates);
                let other = OtherError(Arc::new(chain));
                Error::InvalidCertificate(CertificateError::Other(other))
            }
            other => other,
        })
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
    use rustls::{
        CertificateError, Error, RootCertStore,
        client::danger::ServerCertVerifier as _,
        pki_types::{CertificateDer, ServerName, UnixTime},
    };

    use super::ExplainingVerifier;

    fn params(name: &str) -> CertificateParams {
        let mut params = CertificateParams::new(vec!["h.example".to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params
    }

    fn authority(name: &str) -> CertificateParams {
        let mut params = params(name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
            .distinguished_name
            .push(DnType::OrganizationName, "Test");
        params
    }

    fn verify(
        verifier: &ExplainingVerifier,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
    ) -> Result<(), String> {
        let name = ServerName::try_from("h.example").unwrap();
        let now = UnixTime::now();
        match verifier.verify_server_cert(certificate, intermediates, &name, &[], now) {
            Ok(_) => Ok(()),
            Err(Error::InvalidCertificate(CertificateError::Other(other))) => {
                Err(other.to_string())
            }
            Err(error) => Err(format!("unexplained: {error}")),
        }
    }

    #[test]
    fn a_missing_intermediate_certificate_is_explained() {
        let key = || KeyPair::generate().unwrap();
        let root = CertifiedIssuer::self_signed(authority("Root"), key()).unwrap();
        let middle = CertifiedIssuer::signed_by(authority("Middle"), key(), &root).unwrap();
        let leaf = params("leaf").signed_by(&key(), &middle).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(root.as_ref().der().clone()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier = ExplainingVerifier::new(roots, provider).unwrap();

        let sent = [middle.as_ref().der().clone()];
        assert_eq!(verify(&verifier, leaf.der(), &sent), Ok(()));
        let missing = verify(&verifier, leaf.der(), &[]).unwrap_err();
        let said = "the server sent 1 certificate, and the last one is signed by “Middle (Test)”";
        assert!(missing.contains(said), "{missing}");

        let own = params("own").self_signed(&key()).unwrap();
        let own = verify(&verifier, own.der(), &[]).unwrap_err();
        assert_eq!(own, "the certificate is signed by itself");
    }
}
