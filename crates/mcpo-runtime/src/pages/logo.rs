//! The logo on the pages. It is embedded in the page, so that pages load nothing else.

use std::{fs, io, path::Path};

use base64::{Engine as _, engine::general_purpose::STANDARD};

/// The largest logo file, in bytes. The logo is sent with every page.
const MAX_LEN: usize = 64 * 1024;
/// The supported media types, by file extension.
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

/// The reason why a file cannot be used as a logo.
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
