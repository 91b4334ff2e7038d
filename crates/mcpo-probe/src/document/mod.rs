//! Reports for machines and issues: one document each.

mod html;
mod json;
mod junit;
mod links;
mod markdown;
mod sarif;
mod tools;

use crate::report::Report;

/// A kind of report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Document {
    /// One JSON object, for scripts.
    Json,
    /// Markdown, for issues.
    Markdown,
    /// XML, for build servers.
    Junit,
    /// SARIF, for code scanning; it contains only the problems.
    Sarif,
    /// One HTML page with a sequence diagram.
    Html,
}

impl Document {
    /// Returns the report in this format.
    #[must_use]
    pub fn write(self, report: &Report) -> String {
        match self {
            Self::Json => json::write(report),
            Self::Markdown => markdown::write(report),
            Self::Junit => junit::write(report),
            Self::Sarif => sarif::write(report),
            Self::Html => html::write(report),
        }
    }
}
