//! Google's error responses: reason, message and details. All of it is kept, and nothing is
//! inferred beyond it.

use std::{fmt, sync::LazyLock};

use serde::Deserialize;
use serde_json::Value;

/// The maximum length of a response that is not in Google's error format.
const LONGEST_TEXT: usize = 200;

/// A known reason, with its meaning and the next step.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reason {
    /// The `reason` of Google's `ErrorInfo`.
    #[serde(rename = "reason")]
    word: String,
    pub cause: String,
    pub next: String,
    /// Where Google documents the reason.
    #[expect(dead_code, reason = "for the reader of the table")]
    source: String,
}

static REASONS: LazyLock<Vec<Reason>> = LazyLock::new(|| {
    // A unit test parses the same file, so parsing cannot fail here.
    serde_json::from_str(include_str!("reasons.json")).unwrap_or_default()
});

/// An error response, as Google wrote it.
#[derive(Debug)]
pub struct Refusal {
    /// The method that was called.
    pub method: &'static str,
    /// The HTTP status; 0 for a failed operation.
    pub status: u16,
    /// Google's name for the status, such as `PERMISSION_DENIED`.
    pub name: String,
    pub message: String,
    /// The reason of an `ErrorInfo`, or the first of Cloud Storage's `errors`.
    pub reason: Option<String>,
    /// The permission named in an `ErrorInfo` or in the message.
    pub permission: Option<String>,
    /// The API named in an `ErrorInfo`.
    pub service: Option<String>,
    /// The violated rules, one per line.
    pub violations: Vec<String>,
    /// Links to documentation, each with its description.
    pub links: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Envelope {
    error: Status,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Status {
    message: String,
    #[serde(rename = "status")]
    name: String,
    details: Vec<Value>,
    /// Used by Cloud Storage.
    errors: Vec<Value>,
}

impl Refusal {
    /// Reads the body of an error response.
    pub fn read(method: &'static str, status: u16, body: &[u8]) -> Self {
        let error = serde_json::from_slice::<Envelope>(body).map(|envelope| envelope.error);
        let error = error.unwrap_or_else(|_| Status {
            message: String::from_utf8_lossy(body)
                .chars()
                .take(LONGEST_TEXT)
                .collect(),
            ..Status::default()
        });
        Self::from_status(method, status, error)
    }

    /// Reads the `error` of an operation.
    pub fn of_operation(method: &'static str, error: &Value) -> Self {
        let status = Status::deserialize(error).unwrap_or_default();
        Self::from_status(method, 0, status)
    }

    /// Creates an error that consists of a message only.
    pub fn text(method: &'static str, status: u16, message: String) -> Self {
        let error = Status {
            message,
            ..Status::default()
        };
        Self::from_status(method, status, error)
    }

    fn from_status(method: &'static str, status: u16, error: Status) -> Self {
        let info = |key: &str| {
            let found = error
                .details
                .iter()
                .find(|detail| is_kind(detail, "ErrorInfo") || detail["reason"].is_string())?;
            let text = found.pointer(key)?.as_str()?;
            (!text.is_empty()).then(|| text.to_owned())
        };
        let of_storage = || {
            let reason = error.errors.first()?["reason"].as_str()?;
            Some(reason.to_owned())
        };
        let permission = info("/metadata/permission").or_else(|| named_permission(&error.message));
        Self {
            method,
            status,
            reason: info("/reason").or_else(of_storage),
            permission,
            service: info("/metadata/service"),
            violations: violations(&error.details),
            links: links(&error.details),
            name: error.name,
            message: error.message,
        }
    }

    /// Returns what is known about the reason.
    pub fn known(&self) -> Option<&'static Reason> {
        let reason = self.reason.as_deref()?;
        REASONS.iter().find(|known| known.word == reason)
    }

    /// Returns true if the error names this organization policy constraint.
    pub fn names_constraint(&self, constraint: &str) -> bool {
        let texts = self.violations.iter().chain([&self.message]);
        texts.into_iter().any(|text| text.contains(constraint))
    }

    /// Returns the next step: the known one, or the pages that Google links to.
    pub fn next_step(&self) -> Option<String> {
        let known = self.known().map(|known| known.next.clone());
        let links = (!self.links.is_empty()).then(|| format!("see {}", self.links.join("; ")));
        match (known, links) {
            (Some(known), Some(links)) => Some(format!("{known}; {links}")),
            (known, links) => known.or(links),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.known(), self.status) {
            (Some(known), _) => write!(formatter, "{}: {}", known.cause, self.message)?,
            (None, 0) => formatter.write_str(&self.message)?,
            (None, status) => write!(
                formatter,
                "{} was refused with HTTP {status}: {}",
                self.method, self.message
            )?,
        }
        for violation in &self.violations {
            write!(formatter, "; {violation}")?;
        }
        Ok(())
    }
}

fn is_kind(detail: &Value, kind: &str) -> bool {
    let full = detail["@type"].as_str().unwrap_or_default();
    full.rsplit('.').next() == Some(kind)
}

/// Returns the violations in `BadRequest`, `PreconditionFailure` and `QuotaFailure`, one per line.
fn violations(details: &[Value]) -> Vec<String> {
    let kinds = [
        ("BadRequest", "fieldViolations"),
        ("PreconditionFailure", "violations"),
        ("QuotaFailure", "violations"),
    ];
    let mut lines = Vec::new();
    for detail in details {
        for (kind, list) in kinds {
            let found = detail[list].as_array().filter(|_| is_kind(detail, kind));
            for violation in found.into_iter().flatten() {
                let texts = ["type", "field", "subject", "description"]
                    .map(|name| violation[name].as_str().unwrap_or_default());
                let texts: Vec<_> = texts.into_iter().filter(|text| !text.is_empty()).collect();
                lines.push(texts.join(": "));
            }
        }
    }
    lines
}

fn links(details: &[Value]) -> Vec<String> {
    let links = details
        .iter()
        .filter(|detail| is_kind(detail, "Help"))
        .flat_map(|detail| detail["links"].as_array().into_iter().flatten());
    links
        .filter_map(|link| {
            let url = link["url"].as_str()?;
            Some(match link["description"].as_str() {
                Some(text) if !text.is_empty() => format!("{text}: {url}"),
                _ => url.to_owned(),
            })
        })
        .collect()
}

/// Finds the permission in messages such as `Permission 'run.services.get' denied …`, with or
/// without quotes, or `… does not have storage.buckets.get access …`.
fn named_permission(message: &str) -> Option<String> {
    let after = |marker: &str| {
        let (_, rest) = message.split_once(marker)?;
        let word = rest.split_whitespace().next()?;
        let word = word.trim_matches(['\'', '"', '`', '.', ',']);
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '_';
        // Has the form SERVICE.RESOURCE.VERB.
        let is_permission = word.matches('.').count() >= 2 && word.chars().all(plain);
        is_permission.then(|| word.to_owned())
    };
    ["ermission ", "does not have ", "ermissions: ", "lacks "]
        .into_iter()
        .find_map(after)
}

#[cfg(test)]
mod tests {
    use super::{REASONS, Reason, named_permission};

    #[test]
    fn table_of_reasons_is_valid_and_has_no_duplicates() {
        let text = include_str!("reasons.json");
        let table: Vec<Reason> = serde_json::from_str(text).unwrap();
        assert_eq!(table.len(), REASONS.len());
        for entry in &table {
            let same = table.iter().filter(|other| other.word == entry.word);
            assert_eq!(same.count(), 1, "{}", entry.word);
        }
    }

    #[test]
    fn permission_is_found_only_if_the_message_names_one() {
        for (message, expected) in [
            (
                "Permission 'run.services.get' denied on resource (or it may not exist).",
                Some("run.services.get"),
            ),
            (
                "Permission iam.serviceaccounts.actAs denied on service account x.",
                Some("iam.serviceaccounts.actAs"),
            ),
            (
                "x@y does not have storage.buckets.get access to the Google Cloud Storage bucket.",
                Some("storage.buckets.get"),
            ),
            (
                "Permission denied on 'locations/europe-west99' (or it may not exist).",
                None,
            ),
            ("The caller does not have permission", None),
            ("Request had insufficient authentication scopes.", None),
            (
                "Caller does not have required permission to use project x.",
                None,
            ),
            ("This API method requires billing to be enabled.", None),
        ] {
            assert_eq!(named_permission(message).as_deref(), expected, "{message}");
        }
    }
}
