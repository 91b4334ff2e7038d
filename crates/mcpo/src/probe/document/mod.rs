//! Reports for machines and issues: one document on stdout.

mod json;
mod junit;
mod markdown;

use clap::Args;

use crate::walk::Report;

/// The flags, of which one may be given.
#[derive(Debug, Args)]
#[group(multiple = false)]
pub struct DocumentArgs {
    /// Print the report as one JSON document.
    #[arg(long)]
    json: bool,

    /// Print the report as Markdown, to paste into an issue.
    #[arg(long)]
    markdown: bool,

    /// Print the report as XML that build servers read.
    #[arg(long)]
    junit: bool,
}

/// A kind of report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Document {
    Json,
    Markdown,
    Junit,
}

impl DocumentArgs {
    pub const fn chosen(&self) -> Option<Document> {
        match (self.json, self.markdown, self.junit) {
            (true, ..) => Some(Document::Json),
            (_, true, _) => Some(Document::Markdown),
            (.., true) => Some(Document::Junit),
            _ => None,
        }
    }
}

impl Document {
    pub fn write(self, report: &Report<'_>) -> String {
        match self {
            Self::Json => json::write(report),
            Self::Markdown => markdown::write(report),
            Self::Junit => junit::write(report),
        }
    }
}
