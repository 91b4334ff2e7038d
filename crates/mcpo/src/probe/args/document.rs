//! The kind of report that the command line asks for.

use clap::Args;
use mcpo_probe::Document;

/// The flags; at most one may be given.
#[allow(
    clippy::struct_excessive_bools,
    reason = "at most one of them is given"
)]
#[derive(Debug, Args)]
#[group(multiple = false)]
#[command(next_help_heading = super::REPORT)]
pub struct DocumentArgs {
    /// Print the report as one JSON document.
    #[arg(long)]
    json: bool,

    /// Print the report as Markdown, to paste into an issue.
    #[arg(long)]
    markdown: bool,

    /// Print the report as XML for build servers.
    #[arg(long)]
    junit: bool,

    /// Print the problems as SARIF, for code scanning.
    #[arg(long)]
    sarif: bool,

    /// Print the report as one HTML page with a sequence diagram.
    #[arg(long)]
    html: bool,
}

impl DocumentArgs {
    pub fn chosen(&self) -> Option<Document> {
        let flags = [
            (self.json, Document::Json),
            (self.markdown, Document::Markdown),
            (self.junit, Document::Junit),
            (self.sarif, Document::Sarif),
            (self.html, Document::Html),
        ];
        flags
            .into_iter()
            .find_map(|(given, document)| given.then_some(document))
    }
}
