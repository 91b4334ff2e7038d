//! The colors of the pages that depend on the accent color, in light and dark.

use serde::Serialize;

use super::color::{BLACK, Color, WHITE};

const DEFAULT_ACCENT: Color = Color([0x27, 0x47, 0xc9]);
/// The accent color on dark pages, if the owner has set none.
const DEFAULT_DARK_ACCENT: Color = Color([0x9d, 0xb2, 0xff]);

/// The backgrounds of light pages: of the page, and of its text.
pub(super) const LIGHT_GROUNDS: [Color; 2] = [Color([0xf5, 0xf5, 0xf2]), WHITE];
/// The backgrounds of dark pages.
pub(super) const DARK_GROUNDS: [Color; 2] = [Color([0x13, 0x14, 0x17]), Color([0x1d, 0x1f, 0x24])];

/// The colors of both schemes, for the style sheet.
#[derive(Serialize)]
pub(super) struct Theme {
    light: Scheme,
    dark: Scheme,
}

/// The colors of one scheme.
#[derive(Serialize)]
struct Scheme {
    /// The background of the page.
    ground: Color,
    /// The background of the text.
    card: Color,
    /// The background of buttons.
    accent: Color,
    /// The text on buttons.
    on_accent: Color,
    /// Links, outlines and borders of buttons.
    link: Color,
}

impl Theme {
    pub(super) fn new(accent: Option<Color>) -> Self {
        Self {
            light: Scheme::new(LIGHT_GROUNDS, accent.unwrap_or(DEFAULT_ACCENT), BLACK),
            dark: Scheme::new(DARK_GROUNDS, accent.unwrap_or(DEFAULT_DARK_ACCENT), WHITE),
        }
    }

    /// Returns the color of buttons on light pages.
    pub(super) const fn accent(&self) -> Color {
        self.light.accent
    }
}

impl Scheme {
    fn new([ground, card]: [Color; 2], accent: Color, extreme: Color) -> Self {
        Self {
            ground,
            card,
            accent,
            on_accent: accent.text_on(),
            link: accent.readable_on(&[ground, card], extreme),
        }
    }
}
