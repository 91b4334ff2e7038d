//! The parameters of API calls.

use serde_json::Value;

/// The parameters of a call. There is no `Debug`, because the body may be a secret.
pub struct Request<'a, B = ()> {
    pub path: &'a str,
    pub query: &'a [(&'a str, &'a str)],
    pub body: Option<&'a B>,
}

/// A request whose body is written as JSON. There is no `Debug`, because the body may be a secret.
#[derive(Clone, Copy)]
pub struct JsonRequest<'a> {
    pub path: &'a str,
    pub query: &'a [(&'a str, &'a str)],
    pub body: Option<&'a Value>,
}

impl<'a> Request<'a> {
    /// Creates a request without parameters and without a body.
    pub const fn to(path: &'a str) -> Self {
        Self {
            path,
            query: &[],
            body: None,
        }
    }
}

impl<'a, B> Request<'a, B> {
    /// Creates a request with a body.
    pub const fn with_body(path: &'a str, body: &'a B) -> Self {
        Self {
            path,
            query: &[],
            body: Some(body),
        }
    }
}

impl JsonRequest<'_> {
    /// Returns true if the request states which version it expects to change: with the etag of the
    /// resource, with that of a policy, or with a generation.
    pub fn is_conditional(&self) -> bool {
        let has_etag = |body: &Value| {
            let etags = ["/etag", "/policy/etag"];
            etags.iter().any(|path| body.pointer(path).is_some())
        };
        self.body.is_some_and(has_etag)
            || self.query.iter().any(|(name, _)| {
                matches!(
                    *name,
                    "ifGenerationMatch" | "ifMetagenerationMatch" | "etag"
                )
            })
    }
}
