//! Google's error responses: reason, message and details. All of it is kept, and nothing is
//! inferred beyond it.

use std::{fmt, sync::LazyLock};

use serde::Deserialize;

use super::api::{ErrorDetail, Status};

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
    /// What Google recommends: `see` and a link, or a text without a link.
    pub links: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Envelope {
    error: Status,
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
    pub fn of_operation(method: &'static str, error: Status) -> Self {
        Self::from_status(method, 0, error)
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
        let filled = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let mut details = error.details.iter();
        let info = details.find(|detail| detail.is("ErrorInfo") || !detail.reason.is_empty());
        let of_storage = || filled(&error.errors.first()?.reason);
        let of_info = |field: fn(&ErrorDetail) -> &str| info.and_then(|info| filled(field(info)));
        let permission = of_info(|info| &info.metadata.permission);
        Self {
            method,
            status,
            reason: of_info(|info| &info.reason).or_else(of_storage),
            permission: permission.or_else(|| named_permission(&error.message)),
            service: of_info(|info| &info.metadata.service),
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

    /// Returns the next step: the known one, or what Google recommends.
    pub fn next_step(&self) -> Option<String> {
        let known = self.known().map(|known| known.next.clone());
        let links = (!self.links.is_empty()).then(|| self.links.join("; "));
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

/// Returns the violations in `BadRequest`, `PreconditionFailure` and `QuotaFailure`, one per line.
fn violations(details: &[ErrorDetail]) -> Vec<String> {
    let of_detail = |detail: &ErrorDetail| {
        if detail.is("BadRequest") {
            detail.field_violations.clone()
        } else if detail.is("PreconditionFailure") || detail.is("QuotaFailure") {
            detail.violations.clone()
        } else {
            Vec::new()
        }
    };
    let violations = details.iter().flat_map(of_detail);
    violations
        .map(|one| {
            let mut texts = vec![one.kind, one.field, one.subject, one.description];
            texts.retain(|text| !text.is_empty());
            texts.join(": ")
        })
        .collect()
}

/// Returns the recommendations of `Help`. Some consist of a description only, such as "Access to
/// the region is unavailable. Please contact our sales team".
fn links(details: &[ErrorDetail]) -> Vec<String> {
    let help = details.iter().filter(|detail| detail.is("Help"));
    let links = help.flat_map(|detail| &detail.links);
    links
        .filter_map(|link| match (&*link.description, &*link.url) {
            ("", "") => None,
            ("", url) => Some(format!("see {url}")),
            (text, "") => Some(text.to_owned()),
            (text, url) => Some(format!("see {text}: {url}")),
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
    use super::{REASONS, Reason, Refusal, named_permission};

    #[test]
    fn help_without_a_link_is_shown() {
        let body = serde_json::json!({ "error": { "code": 403, "message": "m", "details": [
            { "@type": "type.googleapis.com/google.rpc.Help", "links": [
                { "description": "Access to the region is unavailable. Please contact our sales team" },
                { "description": "Quotas", "url": "https://example.com/quotas" },
                { "url": "https://example.com" },
            ] },
            { "@type": "type.googleapis.com/something.New", "links": "not a list" },
        ] } });
        let refusal = Refusal::read("m", 403, body.to_string().as_bytes());
        assert_eq!(
            refusal.next_step().unwrap(),
            "Access to the region is unavailable. Please contact our sales team; \
             see Quotas: https://example.com/quotas; see https://example.com"
        );
    }

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
