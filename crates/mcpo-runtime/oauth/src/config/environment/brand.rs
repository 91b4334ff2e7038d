//! Reads the settings of the pages.

use super::reader::Reader;
use crate::{
    config::brand::{ACCENT_HELP, LOGO_HELP, PRIVACY_HELP, SUPPORT_HELP},
    net::link_url::LinkUrl,
    pages::{Brand, Color, Logo, is_data_url},
};

impl Reader<'_> {
    pub(super) fn brand(&mut self) -> Brand {
        Brand {
            logo: self.logo(),
            accent: self.parsed("MCPO_ACCENT_COLOR", ACCENT_HELP, Color::parse),
            privacy: self.parsed("MCPO_PRIVACY_URL", PRIVACY_HELP, LinkUrl::parse),
            support: self.parsed("MCPO_SUPPORT_URL", SUPPORT_HELP, LinkUrl::parse_contact),
        }
    }

    fn logo(&mut self) -> Option<Logo> {
        let text = self.text("MCPO_LOGO")?;
        match Logo::read(&text) {
            Ok(logo) => Some(logo),
            Err(error) => {
                // A data URL is too long for an error message.
                let path = Some(text).filter(|text| !is_data_url(text));
                self.wrong("MCPO_LOGO", path, error.to_string(), LOGO_HELP);
                None
            }
        }
    }

    fn parsed<T>(
        &mut self,
        name: &'static str,
        allowed: &'static str,
        parse: fn(&str) -> Option<T>,
    ) -> Option<T> {
        let text = self.text(name)?;
        let parsed = parse(&text);
        if parsed.is_none() {
            self.wrong(name, Some(text), "cannot be used", allowed);
        }
        parsed
    }
}
