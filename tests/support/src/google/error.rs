//! Errors in Google's format.

use serde_json::{Value, json};

/// The failure of one call.
#[derive(Clone, Debug)]
pub struct ApiError {
    /// The HTTP status.
    pub code: u16,
    status: &'static str,
    message: String,
    details: Vec<Value>,
    /// The complete body, if the error was recorded.
    recorded: Option<Value>,
    /// Seconds for `Retry-After`.
    pub retry_after: Option<u64>,
}

/// The result of a handler.
pub type Answer = Result<Value, ApiError>;

impl ApiError {
    /// Creates an error with Google's status name for the HTTP status.
    pub fn new(code: u16, message: impl Into<String>) -> Self {
        let status = match code {
            400 => "INVALID_ARGUMENT",
            401 => "UNAUTHENTICATED",
            403 => "PERMISSION_DENIED",
            404 => "NOT_FOUND",
            409 => "ALREADY_EXISTS",
            412 => "FAILED_PRECONDITION",
            429 => "RESOURCE_EXHAUSTED",
            501 => "UNIMPLEMENTED",
            503 => "UNAVAILABLE",
            _ => "INTERNAL",
        };
        Self {
            code,
            status,
            message: message.into(),
            details: Vec::new(),
            recorded: None,
            retry_after: None,
        }
    }

    /// The resource does not exist.
    pub fn not_found(name: &str) -> Self {
        Self::new(404, format!("Resource '{name}' was not found"))
    }

    /// The resource already exists.
    pub fn exists(name: &str) -> Self {
        Self::new(409, format!("Resource '{name}' already exists."))
    }

    /// The etag does not match: another caller has changed the resource.
    pub fn aborted(name: &str) -> Self {
        let message =
            format!("Conflict for resource '{name}': version mismatch, etag does not match.");
        Self {
            status: "ABORTED",
            ..Self::new(409, message)
        }
    }

    /// The resource is not in a state that allows the call.
    pub fn failed_precondition(message: impl Into<String>) -> Self {
        Self {
            status: "FAILED_PRECONDITION",
            ..Self::new(400, message)
        }
    }

    /// The caller lacks the permission.
    pub fn denied(permission: &str) -> Self {
        let message =
            format!("Permission '{permission}' denied on resource (or it may not exist).");
        Self::new(403, message).with_info("IAM_PERMISSION_DENIED", "permission", permission)
    }

    /// The API is disabled, or was enabled so recently that the call fails.
    pub fn disabled(service: &str, project: u64) -> Self {
        let message =
            format!("{service} has not been used in project {project} before or it is disabled.");
        Self::new(403, message).with_info("SERVICE_DISABLED", "service", service)
    }

    /// An organization policy forbids the call. Secret Manager and Cloud Run respond with 400 and
    /// the constraint as a violation.
    pub fn violated_policy(constraint: &str, project: &str) -> Self {
        let message = format!("Constraint {constraint} violated for projects/{project}.");
        let mut error = Self::failed_precondition(message);
        error.details.push(json!({
            "@type": "type.googleapis.com/google.rpc.PreconditionFailure",
            "violations": [{
                "type": constraint,
                "subject": format!("orgpolicy:projects/{project}"),
                "description": format!("The organization's policy {constraint} does not allow it."),
            }],
        }));
        error.details.push(json!({
            "@type": "type.googleapis.com/google.rpc.Help",
            "links": [{
                "description": "Organization policies",
                "url": "https://cloud.google.com/resource-manager/docs/organization-policy/overview",
            }],
        }));
        error
    }

    /// Too many requests.
    pub fn quota(retry_after: Option<u64>) -> Self {
        let error = Self::new(429, "Quota exceeded for quota metric 'Write requests'.");
        Self {
            retry_after,
            ..error
        }
    }

    /// An error response as quoted in a public report.
    pub fn recorded(code: u16, body: &Value) -> Self {
        let error = &body["error"];
        Self {
            recorded: Some(body.clone()),
            // Long enough for the caller to give up.
            retry_after: (code == 429).then_some(3600),
            ..Self::new(code, error["message"].as_str().unwrap_or_default())
        }
    }

    fn with_info(mut self, reason: &str, key: &str, value: &str) -> Self {
        self.details.push(json!({
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": reason,
            "domain": "googleapis.com",
            "metadata": { key: value },
        }));
        self
    }

    /// Returns the body in the format of the API at `host`.
    pub fn body(&self, host: &str) -> Value {
        if let Some(body) = &self.recorded {
            return body.clone();
        }
        if host.starts_with("storage.") {
            return self.body_of_storage();
        }
        let mut error =
            json!({ "code": self.code, "message": self.message, "status": self.status });
        if !self.details.is_empty() {
            error["details"] = self.details.clone().into();
        }
        json!({ "error": error })
    }

    /// Cloud Storage has no status and no details, but a list of errors with its own reasons.
    /// <https://cloud.google.com/storage/docs/json_api/v1/status-codes>
    fn body_of_storage(&self) -> Value {
        let reason = match self.code {
            400 => "invalid",
            401 => "authError",
            403 if self.message.contains("has not been used in project") => "accessNotConfigured",
            403 => "forbidden",
            404 => "notFound",
            409 => "conflict",
            412 => "conditionNotMet",
            429 => "rateLimitExceeded",
            _ => "backendError",
        };
        let one = json!({ "message": self.message, "domain": "global", "reason": reason });
        json!({ "error": { "code": self.code, "message": self.message, "errors": [one] } })
    }
}
