//! Colors and their contrast, for text that stays readable with any accent color.

use std::fmt;

use serde::{Serialize, Serializer};

/// The least contrast of text (WCAG 2.2, 1.4.3).
const MIN_CONTRAST: f64 = 4.5;
/// How finely a color is mixed with black or white until its contrast is enough.
const STEPS: u16 = 32;

/// A color in sRGB: red, green and blue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Color(pub(super) [u8; 3]);

pub(super) const BLACK: Color = Color([0; 3]);
pub(super) const WHITE: Color = Color([0xff; 3]);

impl Color {
    /// Parses three or six hexadecimal digits, with or without `#`. In an `.env` file, `#` may
    /// begin a comment.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let digits = text.trim();
        let digits = digits.strip_prefix('#').unwrap_or(digits);
        let digits: Option<Vec<u8>> = digits.chars().map(hex_digit).collect();
        match digits?[..] {
            [r, g, b] => Some(Self([r * 17, g * 17, b * 17])),
            [r1, r2, g1, g2, b1, b2] => Some(Self([r1 * 16 + r2, g1 * 16 + g2, b1 * 16 + b2])),
            _ => None,
        }
    }

    /// Returns the color of text on this color: white or black. One of the two always has a
    /// contrast of at least 4.58.
    pub(super) fn text_on(self) -> Self {
        if self.contrast(WHITE) >= MIN_CONTRAST {
            WHITE
        } else {
            BLACK
        }
    }

    /// Returns this color, mixed with as much of `extreme` (black or white) as text of this color
    /// needs on all `backgrounds`.
    pub(super) fn readable_on(self, backgrounds: &[Self], extreme: Self) -> Self {
        let mixed = (0..STEPS).map(|step| self.mixed_with(extreme, step));
        let is_readable = |color: &Self| {
            let contrasts = backgrounds.iter().map(|ground| color.contrast(*ground));
            contrasts.fold(f64::MAX, f64::min) >= MIN_CONTRAST
        };
        mixed.into_iter().find(is_readable).unwrap_or(extreme)
    }

    /// Returns the color with `step` parts of 32 of `other`.
    fn mixed_with(self, other: Self, step: u16) -> Self {
        let mix = |(own, other): (u8, u8)| {
            let sum = u16::from(own) * (STEPS - step) + u16::from(other) * step;
            u8::try_from(sum / STEPS).unwrap_or(u8::MAX)
        };
        let [r, g, b] = self.0;
        let [other_r, other_g, other_b] = other.0;
        Self([(r, other_r), (g, other_g), (b, other_b)].map(mix))
    }

    /// Returns the contrast ratio of two colors, from 1 to 21 (WCAG 2.2, contrast ratio).
    fn contrast(self, other: Self) -> f64 {
        let (one, other) = (self.luminance(), other.luminance());
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    /// Returns the relative luminance, from 0 to 1 (WCAG 2.2, relative luminance).
    fn luminance(self) -> f64 {
        let [r, g, b] = self.0.map(|channel| {
            let part = f64::from(channel) / 255.0;
            if part <= 0.04045 {
                part / 12.92
            } else {
                ((part + 0.055) / 1.055).powf(2.4)
            }
        });
        0.2126 * r + 0.7152 * g + 0.0722 * b
    }
}

fn hex_digit(digit: char) -> Option<u8> {
    u8::try_from(digit.to_digit(16)?).ok()
}

impl fmt::Display for Color {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [r, g, b] = self.0;
        write!(formatter, "#{r:02x}{g:02x}{b:02x}")
    }
}

impl Serialize for Color {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::pages::theme::{DARK_GROUNDS, LIGHT_GROUNDS};

    #[test]
    fn colors_are_hexadecimal_with_three_or_six_digits() {
        for text in ["#2747c9", "2747C9", " #2747c9 "] {
            assert_eq!(Color::parse(text).unwrap().to_string(), "#2747c9", "{text}");
        }
        assert_eq!(Color::parse("#0af").unwrap().to_string(), "#00aaff");
        for bad in ["", "#", "red", "#12345", "#2747c9; }", "##fff", "#äöü"] {
            assert_eq!(Color::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn contrast_is_that_of_the_standard() {
        assert!((BLACK.contrast(WHITE) - 21.0).abs() < 0.01);
        let gray = Color([0x77; 3]);
        assert!((gray.contrast(WHITE) - 4.48).abs() < 0.01);
    }

    proptest! {
        #[test]
        fn text_is_readable_with_every_color(channels in any::<[u8; 3]>()) {
            let color = Color(channels);
            prop_assert!(color.contrast(color.text_on()) >= MIN_CONTRAST);
            for (grounds, extreme) in [(LIGHT_GROUNDS, BLACK), (DARK_GROUNDS, WHITE)] {
                let readable = color.readable_on(&grounds, extreme);
                for ground in grounds {
                    prop_assert!(readable.contrast(ground) >= MIN_CONTRAST);
                }
            }
        }
    }
}
