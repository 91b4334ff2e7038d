//! The errors of an API call.

use mcpo_common::error::Failure;

use super::{
    http::{Reply, TransportError},
    method::Method,
    refusal::Refusal,
};

/// `google.rpc.Code` values of an operation that failed because of the revision itself.
const OF_THE_REVISION: [i64; 4] = [3, 5, 7, 9];

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub enum GoogleError {
    /// The resource does not exist.
    #[error("{0}")]
    NotFound(String),
    /// The resource already exists.
    #[error("{0}")]
    Exists(String),
    /// The etag or generation no longer matches: the resource was changed by someone else.
    #[error("{0}")]
    Conflict(String),
    /// A permission is missing, and Google named it.
    #[error("missing permission {permission}: {message}")]
    Denied {
        permission: String,
        /// A predefined role with this permission, if known.
        role: Option<&'static str>,
        who: String,
        message: String,
    },
    /// The API is disabled in the project.
    #[error("{0} is not enabled")]
    Disabled(String),
    /// Any other error response.
    #[error("{0}")]
    Refused(Box<Refusal>),
    /// There was no response.
    #[error(transparent)]
    TransportError(#[from] TransportError),
    /// There is no access token.
    #[error("no access token: {0}")]
    CredentialError(String),
    /// An operation failed.
    #[error("{refusal}")]
    Operation { code: i64, refusal: Box<Refusal> },
    /// An operation did not finish in time.
    #[error("not finished after {0} s")]
    TimedOut(u64),
}

impl GoogleError {
    /// Reads an error response. `is_conditional` is true if the request had an etag or a
    /// generation.
    pub fn read(method: &Method, reply: &Reply, who: &str, is_conditional: bool) -> Self {
        let status = reply.status.as_u16();
        let refusal = Refusal::read(method.id, status, &reply.body);
        match status {
            404 => Self::NotFound(refusal.message),
            409 if refusal.name == "ABORTED" && is_conditional => Self::Conflict(refusal.message),
            409 if refusal.name != "ABORTED" => Self::Exists(refusal.message),
            412 if is_conditional && refusal.violations.is_empty() => {
                Self::Conflict(refusal.message)
            }
            // Cloud Storage uses `accessNotConfigured`.
            403 if matches!(
                refusal.reason.as_deref(),
                Some("SERVICE_DISABLED" | "accessNotConfigured")
            ) =>
            {
                let host = || method.host.to_owned();
                Self::Disabled(refusal.service.unwrap_or_else(host))
            }
            403 => match &refusal.permission {
                Some(permission) if refusal.known().is_none() => Self::Denied {
                    role: role_for(permission, method),
                    permission: permission.clone(),
                    who: who.to_owned(),
                    message: refusal.message,
                },
                _ => Self::Refused(Box::new(refusal)),
            },
            _ => Self::Refused(Box::new(refusal)),
        }
    }

    /// Returns true if the caller lacks a permission, named or not.
    pub fn is_forbidden(&self) -> bool {
        match self {
            Self::Denied { .. } => true,
            Self::Refused(refusal) => refusal.status == 403 && refusal.known().is_none(),
            _ => false,
        }
    }

    /// Returns Google's error if it has more than a message.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused(refusal) | Self::Operation { refusal, .. } => Some(refusal),
            _ => None,
        }
    }

    /// Returns true if an operation failed because the revision cannot run, and not because of a
    /// quota, an error at Google or similar.
    pub fn blames_the_revision(&self) -> bool {
        matches!(self, Self::Operation { code, .. } if OF_THE_REVISION.contains(code))
    }

    /// Converts the error into a failure for the user.
    pub fn into_failure(self, what: impl Into<String>) -> Failure {
        let failure = Failure::new(what).because(&self);
        match self {
            Self::Denied {
                role: Some(role),
                who,
                ..
            } => failure.hint(format!("grant {who} a role that has it, such as {role}")),
            Self::Denied {
                permission, who, ..
            } => failure.hint(format!("grant {who} a role that contains {permission}")),
            Self::Conflict(_) => failure.hint(
                "the resource was changed by someone else at the same time; check with --status, then run the same command again",
            ),
            Self::TransportError(_) => failure.hint("check the network and HTTPS_PROXY, then run the same command again to continue"),
            Self::Disabled(service) => failure.hint(format!("run mcpo deploy without --dry-run to enable {service}; if it was just enabled, wait and try again")),
            Self::Refused(refusal) | Self::Operation { refusal, .. } => {
                match (refusal.next_step(), refusal.status) {
                    (Some(next), _) => failure.hint(next),
                    (None, 429) => failure.hint("the project's quota is exhausted; run the same command again later"),
                    _ => failure,
                }
            }
            _ => failure,
        }
    }
}

/// Returns a predefined role for a permission that Google named, or `None` if no role is certain.
/// Writing a service requires more permissions than the method's own.
fn role_for(permission: &str, method: &Method) -> Option<&'static str> {
    if permission.eq_ignore_ascii_case(method.permission) {
        return Some(method.role);
    }
    match permission.to_lowercase().as_str() {
        "iam.serviceaccounts.actas" => Some("roles/iam.serviceAccountUser"),
        "iam.serviceaccounts.getaccesstoken" => Some("roles/iam.serviceAccountTokenCreator"),
        "run.services.setiampolicy" => Some("roles/run.admin"),
        "serviceusage.services.use" => Some("roles/serviceusage.serviceUsageConsumer"),
        _ => None,
    }
}

/// Adds the action that failed.
pub trait ErrorContext<T> {
    fn during(self, what: impl Into<String>) -> Result<T, Failure>;
}

impl<T> ErrorContext<T> for Result<T, GoogleError> {
    fn during(self, what: impl Into<String>) -> Result<T, Failure> {
        self.map_err(|google_error| google_error.into_failure(what))
    }
}

#[cfg(test)]
mod tests {
    use reqwest::{StatusCode, header::HeaderMap};

    use super::{super::method, GoogleError, Reply};

    fn reply(status: StatusCode, body: &str) -> Reply {
        Reply {
            status,
            headers: HeaderMap::new(),
            body: body.as_bytes().to_vec(),
        }
    }

    #[test]
    fn permission_is_read_from_the_error_message() {
        let body = r#"{"error": {"code": 403, "status": "PERMISSION_DENIED", "message":
            "Permission 'iam.serviceaccounts.actAs' denied on service account x (or it may not exist)."}}"#;
        let reply = reply(StatusCode::FORBIDDEN, body);
        let google_error = GoogleError::read(&method::SERVICE_CREATE, &reply, "someone", false);
        let GoogleError::Denied {
            permission, role, ..
        } = google_error
        else {
            panic!("{google_error}");
        };
        assert_eq!(permission, "iam.serviceaccounts.actAs");
        assert_eq!(role, Some("roles/iam.serviceAccountUser"));
    }

    #[test]
    fn conflict_requires_a_conditional_request() {
        let aborted = r#"{"error": {"code": 409, "status": "ABORTED", "message": "m"}}"#;
        for (status, body) in [(409, aborted), (412, r#"{"error": {"message": "m"}}"#)] {
            let reply = reply(StatusCode::from_u16(status).unwrap(), body);
            let read = |is_conditional| {
                GoogleError::read(&method::SERVICE_PATCH, &reply, "w", is_conditional)
            };
            assert!(matches!(read(true), GoogleError::Conflict(_)), "{status}");
            assert!(matches!(read(false), GoogleError::Refused(_)), "{status}");
        }
    }
}
