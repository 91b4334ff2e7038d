//! What can come of a call instead of its result.

use super::{
    http::{NoAnswer, Reply},
    method::Method,
    refusal::Refusal,
};
use crate::error::Failure;

/// Codes of `google.rpc.Code` by which an operation says that the revision itself is at fault.
const OF_THE_REVISION: [i64; 4] = [3, 5, 7, 9];

/// Why a call did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// There is no such thing.
    #[error("{0}")]
    NotFound(String),
    /// There is such a thing already.
    #[error("{0}")]
    Exists(String),
    /// The condition that was sent does not hold any more: somebody else changed it.
    #[error("{0}")]
    Conflict(String),
    /// A permission is missing, which Google named.
    #[error("the permission {permission} is missing: {message}")]
    Denied {
        permission: String,
        /// A predefined role with the permission, if one is known.
        role: Option<&'static str>,
        who: String,
        message: String,
    },
    /// The API is not enabled in the project.
    #[error("{0} is not enabled")]
    Disabled(String),
    /// Anything else that Google said.
    #[error("{0}")]
    Refused(Box<Refusal>),
    /// It could not be asked.
    #[error(transparent)]
    NoAnswer(#[from] NoAnswer),
    /// There is no token to ask with.
    #[error("there is no access token: {0}")]
    NoToken(String),
    /// An operation ended in failure.
    #[error("{refusal}")]
    Operation { code: i64, refusal: Box<Refusal> },
    /// An operation did not end.
    #[error("it is not done after {0} s")]
    TimedOut(u64),
}

impl Trouble {
    /// Reads an answer that is not a success. `is_conditional`: the request said which state it
    /// expects, by an etag or a generation.
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
            // Cloud Storage has its own word for it.
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

    /// Whether the caller lacks a right, named or not.
    pub fn is_forbidden(&self) -> bool {
        match self {
            Self::Denied { .. } => true,
            Self::Refused(refusal) => refusal.status == 403 && refusal.known().is_none(),
            _ => false,
        }
    }

    /// What Google said, where it said more than a sentence.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused(refusal) | Self::Operation { refusal, .. } => Some(refusal),
            _ => None,
        }
    }

    /// Whether an operation ended because the revision cannot run, and not because of a quota, a
    /// fault of Google's or the like.
    pub fn blames_the_revision(&self) -> bool {
        matches!(self, Self::Operation { code, .. } if OF_THE_REVISION.contains(code))
    }

    /// What the user reads.
    pub fn into_failure(self, what: impl Into<String>) -> Failure {
        let failure = Failure::new(what).because(&self);
        match self {
            Self::Denied {
                role: Some(role),
                who,
                ..
            } => failure.hint(format!("give {who} a role that has it, such as {role}")),
            Self::Denied {
                permission, who, ..
            } => failure.hint(format!("give {who} a role that contains {permission}")),
            Self::Conflict(_) => failure.hint(
                "somebody else changed it at the same time, and was first; look with --status, then run the same command again",
            ),
            Self::NoAnswer(_) => failure.hint("check the network and HTTPS_PROXY; the same command goes on where this one ended"),
            Self::Disabled(service) => failure.hint(format!("run mcpo deploy without --dry-run, which enables {service}, or wait if it was enabled a moment ago")),
            Self::Refused(refusal) | Self::Operation { refusal, .. } => {
                match (refusal.next_step(), refusal.status) {
                    (Some(next), _) => failure.hint(next),
                    (None, 429) => failure.hint("the project's quota is used up for now; run the same command again later"),
                    _ => failure,
                }
            }
            _ => failure,
        }
    }
}

/// A predefined role for a permission that Google named, if it is certain: writing a service takes
/// more than the method itself says.
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

/// Adds what was being done.
pub trait During<T> {
    fn during(self, what: impl Into<String>) -> Result<T, Failure>;
}

impl<T> During<T> for Result<T, Trouble> {
    fn during(self, what: impl Into<String>) -> Result<T, Failure> {
        self.map_err(|trouble| trouble.into_failure(what))
    }
}

#[cfg(test)]
mod tests {
    use reqwest::{StatusCode, header::HeaderMap};

    use super::{super::method, Reply, Trouble};

    fn reply(status: StatusCode, body: &str) -> Reply {
        Reply {
            status,
            headers: HeaderMap::new(),
            body: body.as_bytes().to_vec(),
        }
    }

    #[test]
    fn a_permission_that_only_the_message_names_is_found() {
        let body = r#"{"error": {"code": 403, "status": "PERMISSION_DENIED", "message":
            "Permission 'iam.serviceaccounts.actAs' denied on service account x (or it may not exist)."}}"#;
        let reply = reply(StatusCode::FORBIDDEN, body);
        let trouble = Trouble::read(&method::SERVICE_CREATE, &reply, "somebody", false);
        let Trouble::Denied {
            permission, role, ..
        } = trouble
        else {
            panic!("{trouble}");
        };
        assert_eq!(permission, "iam.serviceaccounts.actAs");
        assert_eq!(role, Some("roles/iam.serviceAccountUser"));
    }

    #[test]
    fn a_conflict_takes_a_condition_that_was_sent() {
        let aborted = r#"{"error": {"code": 409, "status": "ABORTED", "message": "m"}}"#;
        for (status, body) in [(409, aborted), (412, r#"{"error": {"message": "m"}}"#)] {
            let reply = reply(StatusCode::from_u16(status).unwrap(), body);
            let read =
                |is_conditional| Trouble::read(&method::SERVICE_PATCH, &reply, "w", is_conditional);
            assert!(matches!(read(true), Trouble::Conflict(_)), "{status}");
            assert!(matches!(read(false), Trouble::Refused(_)), "{status}");
        }
    }
}
