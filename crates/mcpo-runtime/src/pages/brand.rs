//! How a server presents itself on its pages.

use super::{color::Color, logo::Logo};
use crate::net::link_url::LinkUrl;

/// The owner's settings for the pages.
#[derive(Clone, Debug, Default)]
pub(crate) struct Brand {
    pub(crate) logo: Option<Logo>,
    /// The color of buttons and links.
    pub(crate) accent: Option<Color>,
    pub(crate) privacy: Option<LinkUrl>,
    pub(crate) support: Option<LinkUrl>,
}

/// What the MCP server says about itself (MCP lifecycle, `serverInfo`).
#[derive(Clone, Debug)]
pub(crate) struct ServerCard {
    /// The name for users.
    pub(crate) title: String,
    /// The name under which clients add the server: lower-case letters, digits and hyphens.
    pub(crate) id: String,
    pub(crate) version: Option<String>,
    pub(crate) description: Option<String>,
    /// The picture in the card, if it is contained there. Pages load nothing from other servers.
    pub(crate) icon: Option<Logo>,
}
