//! A draft of the documents that stores ask for. Facts of the server are filled in; all other
//! fields are marked.
//!
//! The document contains no secret: no token, no client secret, no password and no challenge.

mod fields;
mod json;
mod markdown;
mod plugin;
mod tools;

use std::path::{Path, PathBuf};

use crate::report::Report;

/// The format of a submission document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Submission {
    /// One object, for programs.
    Json,
    /// Tables, for people.
    Markdown,
    /// A folder with the files of a plugin, which ChatGPT imports as a ZIP archive, and the tables.
    Plugin,
}

impl Submission {
    /// Returns the format that the name asks for: `.json`, `.md`, or a folder with `/` at the end.
    #[must_use]
    pub fn of_path(path: &Path) -> Option<Self> {
        if path.as_os_str().as_encoded_bytes().ends_with(b"/") {
            return Some(Self::Plugin);
        }
        match path.extension()?.to_str()? {
            "json" => Some(Self::Json),
            "md" => Some(Self::Markdown),
            _ => None,
        }
    }

    /// Returns the files about the server of `report`, for the stores of `report`: `path`, or files
    /// in the folder `path`. `date` is the current day, as `2026-11-28`.
    #[must_use]
    pub fn files(self, report: &Report, date: &str, path: &Path) -> Vec<(PathBuf, String)> {
        match self {
            Self::Json => vec![(path.to_owned(), json::write(report, date))],
            Self::Markdown => vec![(path.to_owned(), markdown::write(report, date))],
            Self::Plugin => vec![
                (path.join("plugin.json"), plugin::plugin(report)),
                (path.join("mcp.json"), plugin::mcp(report)),
                (path.join("submission.md"), markdown::write(report, date)),
            ],
        }
    }
}
