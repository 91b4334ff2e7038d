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
pub struct ServerCard {
    /// The name for users.
    pub title: String,
    /// The name under which clients add the server: lower-case letters, digits and hyphens.
    pub id: String,
    /// The version, if the server names itself.
    pub version: Option<String>,
    /// What the server does.
    pub description: Option<String>,
    /// The picture in the card, if it is contained there. Pages load nothing from other servers.
    pub icon: Option<Logo>,
}
