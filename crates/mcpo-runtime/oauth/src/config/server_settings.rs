//! The settings that only the server uses, which is in `mcpo-runtime`. Users of [`Config`] must not
//! depend on its fields, so they are private.

use std::net::SocketAddr;

use super::Config;

/// The settings of the server itself.
#[derive(Clone, Copy, Debug)]
pub struct ServerSettings<'a> {
    /// The address to listen on.
    pub listen: SocketAddr,
    /// Whether `mcpo dev` has started the server.
    pub under_dev: bool,
    /// The name of the server for users.
    pub title: Option<&'a str>,
}

impl<'a> ServerSettings<'a> {
    /// Reads the settings from the configuration.
    pub fn of(config: &'a Config) -> Self {
        Self {
            listen: config.listen,
            under_dev: config.under_dev,
            title: config.title.as_deref(),
        }
    }
}
