//! A draft of the documents that stores ask for. What the server says is filled in; all other
//! fields are marked.
//!
//! The document contains no secret: no token, no client secret, no password and no challenge.

mod fields;
mod json;
mod markdown;
mod tools;

use std::path::Path;

use crate::report::Report;

/// The format of a submission document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Submission {
    /// One object, for programs.
    Json,
    /// Tables, for people.
    Markdown,
}

impl Submission {
    /// Returns the format that the file name asks for: `.json` or `.md`.
    #[must_use]
    pub fn of_file(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()? {
            "json" => Some(Self::Json),
            "md" => Some(Self::Markdown),
            _ => None,
        }
    }

    /// Returns the document about the server of `report`, for the stores of `report`. `date` is the
    /// current day, as `2026-11-28`.
    #[must_use]
    pub fn write(self, report: &Report, date: &str) -> String {
        match self {
            Self::Json => json::write(report, date),
            Self::Markdown => markdown::write(report, date),
        }
    }
}
