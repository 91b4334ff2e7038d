//! The logo on the pages. It is embedded in each page, so that pages load nothing else, and it is
//! also their icon in the browser.

use std::{
    fs::File,
    io::{self, Read as _},
    path::Path,
};

use axum::body::Bytes;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use percent_encoding::percent_decode_str;

use super::{color::Color, theme::Theme};

/// The largest picture, in bytes. It is sent with every page.
const MAX_LEN: usize = 64 * 1024;
/// The longest data URL that is decoded: a percent-encoded byte takes three characters.
const MAX_URL_LEN: usize = 3 * MAX_LEN + 256;
const SVG: &str = "image/svg+xml";

/// A picture with its media type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logo {
    media_type: &'static str,
    bytes: Bytes,
}

/// The reason why a picture cannot be used as a logo.
#[derive(Debug, thiserror::Error)]
pub enum LogoError {
    /// The file cannot be read.
    #[error("cannot be read: {0}")]
    Read(#[from] io::Error),
    /// The picture is too large.
    #[error("is larger than 64 KiB")]
    TooLarge,
    /// Browsers do not show pictures of this type everywhere.
    #[error("is not an SVG, PNG, JPEG, WebP or GIF picture")]
    Type,
    /// The data URL is not valid.
    #[error("is not a valid data URL")]
    DataUrl,
}

impl Logo {
    /// Reads the picture that a setting describes: a data URL, or the path of a file.
    pub(crate) fn read(setting: &str) -> Result<Self, LogoError> {
        if is_data_url(setting) {
            Self::from_data_url(setting)
        } else {
            Self::from_file(setting.as_ref())
        }
    }

    fn from_file(path: &Path) -> Result<Self, LogoError> {
        let mut bytes = Vec::new();
        let limit = MAX_LEN as u64 + 1;
        File::open(path)?.take(limit).read_to_end(&mut bytes)?;
        Self::from_bytes(bytes)
    }

    /// Decodes a data URL (RFC 2397). The picture itself decides about its media type.
    pub fn from_data_url(url: &str) -> Result<Self, LogoError> {
        if url.len() > MAX_URL_LEN {
            return Err(LogoError::TooLarge);
        }
        if !is_data_url(url) {
            return Err(LogoError::DataUrl);
        }
        let (head, data) = url.split_once(',').ok_or(LogoError::DataUrl)?;
        let data: Vec<u8> = percent_decode_str(data).collect();
        if !head.ends_with(";base64") {
            return Self::from_bytes(data);
        }
        let decoded = STANDARD.decode(data).map_err(|_| LogoError::DataUrl)?;
        Self::from_bytes(decoded)
    }

    pub(crate) fn from_bytes(bytes: Vec<u8>) -> Result<Self, LogoError> {
        if bytes.len() > MAX_LEN {
            return Err(LogoError::TooLarge);
        }
        Ok(Self {
            media_type: media_type(&bytes).ok_or(LogoError::Type)?,
            bytes: bytes.into(),
        })
    }

    /// Draws the icon of a server without a logo: the first letter of its name.
    pub(super) fn of_letter(service: &str, theme: &Theme) -> Self {
        let letter = service
            .chars()
            .find(|character| character.is_alphanumeric());
        let letter = letter.into_iter().flat_map(char::to_uppercase);
        let letter: String = letter.take(1).collect();
        let accent: Color = theme.accent();
        let text = accent.text_on();
        let svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 32 32\">\
             <rect width=\"32\" height=\"32\" rx=\"7\" fill=\"{accent}\"/>\
             <text x=\"16\" y=\"22.5\" text-anchor=\"middle\" fill=\"{text}\" font-size=\"19\" \
             font-weight=\"600\" font-family=\"system-ui, sans-serif\">{letter}</text></svg>"
        );
        Self {
            media_type: SVG,
            bytes: svg.into(),
        }
    }

    /// Returns the picture as a data URL for an `<img>` element. There, browsers run no scripts of
    /// an SVG and load nothing that it refers to.
    pub(super) fn data_url(&self) -> String {
        let encoded = STANDARD.encode(&self.bytes);
        format!("data:{};base64,{encoded}", self.media_type)
    }

    /// Returns the media type, such as `image/png`.
    pub(crate) const fn media_type(&self) -> &'static str {
        self.media_type
    }

    pub(crate) const fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    pub(super) fn is_svg(&self) -> bool {
        self.media_type == SVG
    }
}

/// Returns true if a setting is a data URL and not a path.
pub(crate) fn is_data_url(setting: &str) -> bool {
    let scheme = setting.get(..5);
    scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case("data:"))
}

/// Determines the media type from the first bytes (WHATWG MIME Sniffing, image types).
fn media_type(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some("image/png"),
        [0xff, 0xd8, 0xff, ..] => Some("image/jpeg"),
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some("image/gif"),
        [
            b'R',
            b'I',
            b'F',
            b'F',
            _,
            _,
            _,
            _,
            b'W',
            b'E',
            b'B',
            b'P',
            ..,
        ] => Some("image/webp"),
        _ => is_svg(bytes).then_some(SVG),
    }
}

/// Returns true if the root element is `svg`. It may follow an XML declaration, comments and a
/// document type without declarations.
fn is_svg(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return false;
    };
    let mut rest = text.trim_start_matches('\u{feff}').trim_start();
    while let Some((start, end)) = [("<?", "?>"), ("<!--", "-->"), ("<!DOCTYPE", ">")]
        .into_iter()
        .find(|(start, _)| rest.starts_with(start))
    {
        let Some((skipped, after)) = rest[start.len()..].split_once(end) else {
            return false;
        };
        if start == "<!DOCTYPE" && skipped.contains('[') {
            return false;
        }
        rest = after.trim_start();
    }
    rest.strip_prefix("<svg")
        .is_some_and(|rest| rest.starts_with(|c: char| c.is_whitespace() || c == '>' || c == '/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PICTURE: &str = "<svg xmlns='http://www.w3.org/2000/svg'/>";

    #[test]
    fn the_content_decides_about_the_type_of_a_logo() {
        let webp = b"RIFF\x10\0\0\0WEBPVP8 ";
        for (bytes, expected) in [
            (b"\x89PNG\r\n\x1a\n....".as_slice(), Some("image/png")),
            (b"\xff\xd8\xff\xe0", Some("image/jpeg")),
            (b"GIF89a..", Some("image/gif")),
            (webp, Some("image/webp")),
            (PICTURE.as_bytes(), Some(SVG)),
            (
                b"\xef\xbb\xbf<?xml version='1.0'?>\n<!-- x --><!DOCTYPE svg>\n<svg>",
                Some(SVG),
            ),
            (b"<!DOCTYPE svg [<!ENTITY x 'y'>]><svg>", None),
            (b"<html><svg></svg></html>", None),
            (b"<svgx>", None),
            (b"%PDF-1.7", None),
            (b"", None),
        ] {
            let found = Logo::from_bytes(bytes.to_vec()).ok();
            let found = found.map(|logo| logo.media_type());
            assert_eq!(found, expected, "{bytes:?}");
        }
    }

    #[test]
    fn logos_are_files_or_data_urls_of_limited_size() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("logo.any");
        std::fs::write(&file, PICTURE).unwrap();
        let from_file = Logo::read(file.to_str().unwrap()).unwrap();
        let base64 = from_file.data_url();
        let encoded = "data:image/svg+xml;utf8,%3Csvg xmlns='http://www.w3.org/2000/svg'/%3E";
        for url in [base64.as_str(), encoded, &encoded.replace("data:", "DATA:")] {
            assert_eq!(Logo::read(url).unwrap(), from_file, "{url}");
        }
        let large = format!("{PICTURE}{}", " ".repeat(MAX_LEN));
        std::fs::write(&file, &large).unwrap();
        let too_large = [
            Logo::read(file.to_str().unwrap()),
            Logo::read(&format!("data:,{large}")),
            Logo::read(&format!("data:,{}", large.repeat(4))),
        ];
        for refused in too_large {
            assert!(matches!(refused, Err(LogoError::TooLarge)), "{refused:?}");
        }
        for bad in ["data:image/png", "data:image/png;base64,*"] {
            assert!(matches!(Logo::read(bad), Err(LogoError::DataUrl)), "{bad}");
        }
        let other_scheme = Logo::from_data_url("https://a.example/?,<svg/>");
        assert!(matches!(other_scheme, Err(LogoError::DataUrl)));
        assert!(matches!(Logo::read("/nowhere"), Err(LogoError::Read(_))));
    }

    #[test]
    fn the_icon_of_a_server_without_a_logo_has_its_first_letter() {
        let icon = |name| Logo::of_letter(name, &Theme::new(None));
        let text = |logo: Logo| String::from_utf8(logo.bytes.to_vec()).unwrap();
        assert!(text(icon("<\"acme\">")).ends_with(">A</text></svg>"));
        assert!(text(icon("")).ends_with("></text></svg>"));
        assert!(is_svg(icon("x").bytes()));
    }
}
