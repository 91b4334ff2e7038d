//! Errors of requests.

use std::{error::Error as StdError, time::Duration};

use rustls::{CertificateError, OtherError};
use url::Url;

use super::{BODY_LIMIT, network_scope::Blocked, verifier::UntrustedChain};

/// Why a request got no usable response.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    #[error("connection refused: nothing listens there")]
    Refused,
    #[error("the name could not be resolved: {0}")]
    Unresolved(String),
    #[error("no connection: {0}")]
    Unreachable(String),
    #[error("no TLS connection: {0}")]
    Tls(String),
    /// The chain of certificates ends before a trusted authority.
    #[error("no TLS connection: {0}")]
    IncompleteChain(String),
    /// The server answers the first bytes of TLS with something else.
    #[error("no TLS connection: the server does not speak TLS on this port")]
    NotTls,
    #[error("no complete answer within {:.1} s", .0.as_secs_f64())]
    TimedOut(Duration),
    #[error("a body of more than {} KiB", BODY_LIMIT / 1024)]
    TooLarge,
    #[error("too many redirects")]
    TooManyRedirects,
    #[error("{0} is not https, and not on this machine")]
    Insecure(Url),
    #[error("{0}")]
    Blocked(String),
    #[error("{0}")]
    Other(String),
}

impl RequestError {
    /// Returns true if there was no connection, so that nothing is known about the server.
    pub const fn is_no_connection(&self) -> bool {
        matches!(
            self,
            Self::Refused | Self::Unresolved(_) | Self::Unreachable(_)
        )
    }

    /// Returns what the owner of the server can do about it.
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Refused => "start the server, or check host and port",
            Self::Unresolved(_) => {
                "check the host name, or wait until its DNS record has propagated"
            }
            Self::Unreachable(_) => {
                "check that the host is up and that its firewall lets the port through"
            }
            Self::Tls(_) => {
                "use a certificate that clients trust, for this host and with its whole chain"
            }
            Self::IncompleteChain(_) => {
                "an intermediate certificate may be missing: send the whole chain (fullchain.pem, not \
                 cert.pem); for a private authority, pass its certificate with --ca"
            }
            Self::NotTls => "use the port of https, or serve TLS on this port",
            Self::TimedOut(_) => {
                "answer within 10 s, the limit of claude.ai; a server that sleeps must start faster"
            }
            Self::TooLarge => "answer with a small document, and end the response",
            Self::TooManyRedirects => "serve the document at its own address",
            Self::Insecure(_) => "serve it over https",
            Self::Blocked(_) => "use a public address",
            Self::Other(_) => "answer with valid HTTP",
        }
    }

    pub fn other(error: &(dyn StdError + 'static)) -> Self {
        Self::Other(innermost(error).to_string())
    }

    pub fn from_reqwest(error: &reqwest::Error) -> Self {
        let mut next: Option<&dyn StdError> = Some(error);
        while let Some(cause) = next {
            if let Some(blocked) = cause.downcast_ref::<Blocked>() {
                return Self::Blocked(blocked.to_string());
            }
            if let Some(error) = cause.downcast_ref::<rustls::Error>() {
                return Self::from_rustls(error);
            }
            if let Some(io) = cause.downcast_ref::<std::io::Error>()
                && io.kind() == std::io::ErrorKind::ConnectionRefused
            {
                return Self::Refused;
            }
            if cause.to_string().starts_with("dns error") {
                return Self::Unresolved(innermost(error).to_string());
            }
            // rustls errors are inside an io::Error, whose `source` skips them.
            let inside = cause
                .downcast_ref::<std::io::Error>()
                .and_then(std::io::Error::get_ref);
            next = inside.map_or_else(|| cause.source(), |inner| Some(inner as &dyn StdError));
        }
        let text = innermost(error).to_string();
        if error.is_connect() {
            Self::Unreachable(text)
        } else {
            Self::Other(text)
        }
    }

    fn from_rustls(error: &rustls::Error) -> Self {
        let certificate = match error {
            rustls::Error::InvalidMessage(_) => return Self::NotTls,
            rustls::Error::InvalidCertificate(certificate) => certificate,
            other => return Self::Tls(other.to_string()),
        };
        let CertificateError::Other(OtherError(other)) = certificate else {
            return Self::Tls(error.to_string());
        };
        match other.downcast_ref::<UntrustedChain>() {
            Some(UntrustedChain::UnknownSigner { .. }) => Self::IncompleteChain(other.to_string()),
            Some(UntrustedChain::SelfSigned) => Self::Tls(other.to_string()),
            None => Self::Tls(certificate_fault(&other.to_string())),
        }
    }
}

/// Explains an error of the crate webpki, whose text is the name of a variant.
fn certificate_fault(name: &str) -> String {
    let words = match name {
        "CaUsedAsEndEntity" => {
            "the certificate of the server is one of a certificate authority (CA:TRUE); create one for \
             the server that this authority signs"
        }
        "EndEntityUsedAsCa" => {
            "the certificate of the server is signed by a certificate that is none of an authority \
             (CA:FALSE)"
        }
        "PathLenConstraintViolated" | "MaximumPathDepthExceeded" => {
            "the chain of certificates is longer than its authority allows"
        }
        "NameConstraintViolation" => "the authority may not sign certificates for this name",
        "UnsupportedCertVersion" => {
            "the certificate has an old version; create one of X.509 version 3, with subjectAltName"
        }
        other => return format!("invalid certificate: {other}"),
    };
    words.to_owned()
}

fn innermost<'e>(error: &'e (dyn StdError + 'static)) -> &'e (dyn StdError + 'static) {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost
}

#[cfg(test)]
mod tests {
    use super::certificate_fault;

    #[test]
    fn names_of_variants_are_explained() {
        assert!(certificate_fault("CaUsedAsEndEntity").contains("CA:TRUE"));
        assert_eq!(certificate_fault("New"), "invalid certificate: New");
    }
}
