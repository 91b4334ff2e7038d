//! The picture above the pages: part of the page itself, so that no page loads anything.

use std::{fs, io, path::Path};

use base64::{Engine as _, engine::general_purpose::STANDARD};

/// The largest picture, in bytes. It goes out with every page.
const MAX_LEN: usize = 64 * 1024;
/// What a browser shows in an image, by the ending of the file's name.
const TYPES: [(&str, &str); 5] = [
    ("gif", "image/gif"),
    ("jpg", "image/jpeg"),
    ("png", "image/png"),
    ("svg", "image/svg+xml"),
    ("webp", "image/webp"),
];

/// A picture as a `data:` URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Logo(String);

/// Why a file is no logo.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LogoError {
    #[error("cannot be read: {0}")]
    Read(#[from] io::Error),
    #[error("is larger than 64 KiB")]
    TooLarge,
    #[error("does not end in .svg, .png, .jpg, .webp or .gif")]
    Type,
}

impl Logo {
    pub(crate) fn read(path: &Path) -> Result<Self, LogoError> {
        let ending = path.extension().and_then(|ending| ending.to_str());
        let (_, media_type) = TYPES
            .into_iter()
            .find(|(known, _)| ending.is_some_and(|ending| ending.eq_ignore_ascii_case(known)))
            .ok_or(LogoError::Type)?;
        let bytes = fs::read(path)?;
        if bytes.len() > MAX_LEN {
            return Err(LogoError::TooLarge);
        }
        let encoded = STANDARD.encode(bytes);
        Ok(Self(format!("data:{media_type};base64,{encoded}")))
    }

    pub(crate) fn url(&self) -> &str {
        &self.0
    }
}
