//! Errors as Google writes them.

use serde_json::{Value, json};

/// The failure of one call.
#[derive(Clone, Debug)]
pub struct ApiError {
    /// The HTTP status.
    pub code: u16,
    status: &'static str,
    message: String,
    details: Vec<Value>,
    /// Seconds for `Retry-After`.
    pub retry_after: Option<u64>,
}

/// What a handler answers.
pub type Answer = Result<Value, ApiError>;

impl ApiError {
    /// An error with Google's name for its HTTP status.
    pub fn new(code: u16, message: impl Into<String>) -> Self {
        let status = match code {
            400 => "INVALID_ARGUMENT",
            401 => "UNAUTHENTICATED",
            403 => "PERMISSION_DENIED",
            404 => "NOT_FOUND",
            409 => "ALREADY_EXISTS",
            412 => "FAILED_PRECONDITION",
            429 => "RESOURCE_EXHAUSTED",
            503 => "UNAVAILABLE",
            _ => "INTERNAL",
        };
        Self {
            code,
            status,
            message: message.into(),
            details: Vec::new(),
            retry_after: None,
        }
    }

    /// Nothing of that name.
    pub fn not_found(name: &str) -> Self {
        Self::new(404, format!("Resource '{name}' was not found"))
    }

    /// Something of that name is there already.
    pub fn exists(name: &str) -> Self {
        Self::new(409, format!("Resource '{name}' already exists."))
    }

    /// Somebody else changed it meanwhile.
    pub fn aborted(name: &str) -> Self {
        let message =
            format!("Conflict for resource '{name}': version mismatch, etag does not match.");
        Self {
            status: "ABORTED",
            ..Self::new(409, message)
        }
    }

    /// It is not in a state in which that could be done.
    pub fn failed_precondition(message: impl Into<String>) -> Self {
        Self {
            status: "FAILED_PRECONDITION",
            ..Self::new(400, message)
        }
    }

    /// The caller may not do that.
    pub fn denied(permission: &str) -> Self {
        let message =
            format!("Permission '{permission}' denied on resource (or it may not exist).");
        Self::new(403, message).with_info("IAM_PERMISSION_DENIED", "permission", permission)
    }

    /// The API is not enabled, or not everywhere yet.
    pub fn disabled(service: &str, project: u64) -> Self {
        let message =
            format!("{service} has not been used in project {project} before or it is disabled.");
        Self::new(403, message).with_info("SERVICE_DISABLED", "service", service)
    }

    /// Too many calls.
    pub fn quota(retry_after: Option<u64>) -> Self {
        let error = Self::new(429, "Quota exceeded for quota metric 'Write requests'.");
        Self {
            retry_after,
            ..error
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

    /// The body.
    pub fn body(&self) -> Value {
        let mut error =
            json!({ "code": self.code, "message": self.message, "status": self.status });
        if !self.details.is_empty() {
            error["details"] = self.details.clone().into();
        }
        json!({ "error": error })
    }
}
