//! What can come of a call instead of its result.

use serde::Deserialize;

use super::{
    http::{NoAnswer, Reply},
    method::Method,
};
use crate::error::Failure;

/// Why a call did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// There is no such thing.
    #[error("{0}")]
    NotFound(String),
    /// There is such a thing already.
    #[error("{0}")]
    Exists(String),
    /// Somebody else changed it meanwhile.
    #[error("{0}")]
    Conflict(String),
    /// Whoever calls may not.
    #[error("the permission {permission} is missing")]
    Denied {
        permission: String,
        role: &'static str,
        who: String,
    },
    /// The API is not enabled in the project.
    #[error("{0} is not enabled")]
    Disabled(String),
    /// Anything else that Google said.
    #[error("{method} was refused with HTTP {status}: {message}")]
    Refused {
        method: &'static str,
        status: u16,
        message: String,
    },
    /// It could not be asked.
    #[error(transparent)]
    NoAnswer(#[from] NoAnswer),
    /// There is no token to ask with.
    #[error("there is no access token: {0}")]
    NoToken(String),
    /// An operation ended in failure.
    #[error("{message}")]
    Operation { code: i64, message: String },
    /// An operation did not end.
    #[error("it is not done after {0} s")]
    TimedOut(u64),
}

#[derive(Deserialize)]
struct Envelope {
    error: Status,
}

#[derive(Deserialize)]
struct Status {
    #[serde(default)]
    message: String,
    #[serde(default, rename = "status")]
    name: String,
    #[serde(default)]
    details: Vec<serde_json::Value>,
}

impl Trouble {
    /// Reads an answer that is no success.
    pub fn read(method: &Method, reply: &Reply, who: &str) -> Self {
        let status = serde_json::from_slice::<Envelope>(&reply.body).map(|envelope| envelope.error);
        let status = status.unwrap_or_else(|_| Status {
            message: String::from_utf8_lossy(&reply.body)
                .chars()
                .take(200)
                .collect(),
            name: String::new(),
            details: Vec::new(),
        });
        let detail = |reason: &str, key: &str| {
            let found = status
                .details
                .iter()
                .find(|detail| detail["reason"] == reason)?;
            Some(
                found["metadata"][key]
                    .as_str()
                    .unwrap_or_default()
                    .to_owned(),
            )
        };
        match reply.status.as_u16() {
            404 => Self::NotFound(status.message),
            409 if status.name == "ABORTED" => Self::Conflict(status.message),
            409 => Self::Exists(status.message),
            412 => Self::Conflict(status.message),
            403 => match detail("SERVICE_DISABLED", "service") {
                Some(service) => Self::Disabled(service),
                None => {
                    let permission = detail("IAM_PERMISSION_DENIED", "permission")
                        .or_else(|| named_permission(&status.message))
                        .filter(|permission| !permission.is_empty())
                        .unwrap_or_else(|| method.permission.to_owned());
                    Self::Denied {
                        role: role_for(&permission, method),
                        permission,
                        who: who.to_owned(),
                    }
                }
            },
            code => Self::Refused {
                method: method.id,
                status: code,
                message: status.message,
            },
        }
    }

    /// What the user reads.
    pub fn into_failure(self, what: impl Into<String>) -> Failure {
        let failure = Failure::new(what).because(&self);
        match self {
            Self::Denied { role, who, .. } => {
                failure.hint(format!("give {who} a role that has it, such as {role}"))
            }
            Self::Conflict(_) => failure.hint(
                "somebody else changed it at the same time, and was first; look with --status, then run the same command again",
            ),
            Self::Refused { status: 429, .. } => {
                failure.hint("the project's quota is used up for now; run the same command again later")
            }
            Self::NoAnswer(_) => failure.hint("check the network and HTTPS_PROXY; the same command goes on where this one ended"),
            Self::Disabled(service) => failure.hint(format!("run mcpo deploy without --dry-run, which enables {service}, or wait if it was enabled a moment ago")),
            _ => failure,
        }
    }
}

/// `Permission 'iam.serviceaccounts.actAs' denied on …`
fn named_permission(message: &str) -> Option<String> {
    let (_, rest) = message.split_once("ermission '")?;
    let (permission, _) = rest.split_once('\'')?;
    Some(permission.to_owned())
}

/// Writing a service takes more than the method itself says.
fn role_for(permission: &str, method: &Method) -> &'static str {
    match permission.to_lowercase().as_str() {
        "iam.serviceaccounts.actas" => "roles/iam.serviceAccountUser",
        "run.services.setiampolicy" => "roles/run.admin",
        _ => method.role,
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

    #[test]
    fn a_permission_that_only_the_message_names_is_found() {
        let body = r#"{"error": {"code": 403, "status": "PERMISSION_DENIED", "message":
            "Permission 'iam.serviceaccounts.actAs' denied on service account x (or it may not exist)."}}"#;
        let reply = Reply {
            status: StatusCode::FORBIDDEN,
            headers: HeaderMap::new(),
            body: body.as_bytes().to_vec(),
        };
        let trouble = Trouble::read(&method::SERVICE_CREATE, &reply, "somebody");
        let Trouble::Denied {
            permission, role, ..
        } = trouble
        else {
            panic!("{trouble}");
        };
        assert_eq!(permission, "iam.serviceaccounts.actAs");
        assert_eq!(role, "roles/iam.serviceAccountUser");
    }
}
