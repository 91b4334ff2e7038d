//! Classifies the errors of a registry.

use oci_client::errors::OciDistributionError;

fn status(error: &OciDistributionError) -> Option<u16> {
    match error {
        OciDistributionError::ServerError { code, .. } => Some(*code),
        OciDistributionError::RequestError(error) => error.status().map(|status| status.as_u16()),
        _ => None,
    }
}

pub fn is_missing(error: &OciDistributionError) -> bool {
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

pub fn is_unauthorized(error: &OciDistributionError) -> bool {
    matches!(
        error,
        OciDistributionError::UnauthorizedError { .. }
            | OciDistributionError::AuthenticationFailure(_)
    ) || status(error) == Some(401)
}

/// Returns true if a retry may succeed.
pub fn is_passing(error: &OciDistributionError) -> bool {
    match (error, status(error)) {
        (_, Some(code)) => matches!(code, 401 | 408 | 429 | 500 | 502 | 503 | 504),
        (OciDistributionError::RequestError(_) | OciDistributionError::IoError(_), None) => true,
        (error, None) => is_unauthorized(error),
    }
}

/// Returns the innermost cause without the URL, which can contain the key of an upload.
pub fn explain(error: &OciDistributionError) -> String {
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
