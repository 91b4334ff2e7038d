//! The settings of the pages, in code. Unusable values are reported when the server starts,
//! together.

use super::settings::Config;
use crate::{
    base::error::{ConfigError, ConfigErrors, Error},
    net::link_url::LinkUrl,
    pages::{Color, Logo},
};

pub(super) const LOGO_HELP: &str = "a picture of up to 64 KiB: SVG, PNG, JPEG, WebP or GIF, as the \
     path of a file or as a data: URL";
pub(super) const ACCENT_HELP: &str = "use #rrggbb, for example #2747c9";
pub(super) const PRIVACY_HELP: &str = "use an https URL";
pub(super) const SUPPORT_HELP: &str = "use an https URL or mailto:ADDRESS";

impl Config {
    /// Sets the logo on the pages, which is also their icon in the browser: an SVG, PNG, JPEG, WebP
    /// or GIF of up to 64 KiB. With `include_bytes!`, the program contains the picture and needs no
    /// file where it runs. An unusable picture is an error when the server starts.
    ///
    /// ```
    /// # mod mcpo_runtime {
    /// #     use mcpo_runtime_oauth::config::Config;
    /// #     pub fn serve_with<H>(_handler: H, _adjust: impl FnOnce(Config) -> Config) {}
    /// # }
    /// # struct MyService;
    /// # const LOGO: &[u8] = b"";
    /// mcpo_runtime::serve_with(MyService, |config| {
    ///     // const LOGO: &[u8] = include_bytes!("../logo.svg");
    ///     config.with_logo(LOGO).with_accent_color("#7a1fa2")
    /// })
    /// ```
    pub fn with_logo(mut self, picture: &[u8]) -> Self {
        match Logo::from_bytes(picture.to_vec()) {
            Ok(logo) => self.brand.logo = Some(logo),
            Err(error) => self.mistake("Config::with_logo", None, error.to_string(), LOGO_HELP),
        }
        self
    }

    /// Sets the color of buttons and links on the pages: `#rrggbb`. Where the contrast of a text
    /// would be less than 4.5 to 1, the pages use a darker or lighter shade.
    pub fn with_accent_color(mut self, color: &str) -> Self {
        self.brand.accent = self.checked(
            "Config::with_accent_color",
            color,
            ACCENT_HELP,
            Color::parse,
        );
        self
    }

    /// Sets the https URL of the privacy policy. All pages link to it.
    pub fn with_privacy_url(mut self, url: &str) -> Self {
        self.brand.privacy = self.checked(
            "Config::with_privacy_url",
            url,
            PRIVACY_HELP,
            LinkUrl::parse,
        );
        self
    }

    /// Sets the place where users get help: an https URL, or `mailto:` with an address. All pages
    /// link to it.
    pub fn with_support_url(mut self, url: &str) -> Self {
        let parse = LinkUrl::parse_contact;
        self.brand.support = self.checked("Config::with_support_url", url, SUPPORT_HELP, parse);
        self
    }

    fn checked<T>(
        &mut self,
        function: &'static str,
        text: &str,
        allowed: &'static str,
        parse: fn(&str) -> Option<T>,
    ) -> Option<T> {
        let parsed = parse(text);
        if parsed.is_none() {
            let value = Some(text.to_owned());
            self.mistake(function, value, "cannot be used".to_owned(), allowed);
        }
        parsed
    }

    fn mistake(
        &mut self,
        name: &'static str,
        value: Option<String>,
        problem: String,
        allowed: &'static str,
    ) {
        self.mistakes.push(ConfigError {
            name,
            value,
            problem,
            allowed,
        });
    }

    /// Returns an error if values that were set in code cannot be used.
    pub(crate) fn check_brand(&self) -> Result<(), Error> {
        if self.mistakes.is_empty() {
            Ok(())
        } else {
            Err(Error::Config(ConfigErrors(self.mistakes.clone())))
        }
    }
}
