//! The pages and what each one shows.

use serde::Serialize;

use super::{install_links::InstallLinks, tool_list::ToolList};
use crate::{login::PageContent, net::link_url::LinkUrl};

/// A page and its template.
pub(crate) trait Page: Serialize {
    const TEMPLATE: &'static str;
}

/// The page about this server: how to add it to each client.
#[derive(Serialize)]
pub(crate) struct LandingPage<'a> {
    /// The URL of the MCP endpoint.
    pub(crate) address: &'a str,
    pub(crate) id: &'a str,
    pub(crate) version: Option<&'a str>,
    pub(crate) description: Option<&'a str>,
    /// Whether clients on other machines can reach the address.
    pub(crate) is_public: bool,
    /// The place where users sign in, as the end of a sentence. `None` if there is no sign-in.
    pub(crate) sign_in: Option<String>,
    /// The tools, if everyone may list them.
    pub(crate) tools: Option<ToolList>,
    pub(crate) links: InstallLinks,
}

/// The sign-in form.
#[derive(Serialize)]
pub(crate) struct SignInPage<'a> {
    pub(crate) client: &'a str,
    /// The place where the client receives the browser afterwards.
    pub(crate) destination: String,
    pub(crate) action: &'static str,
    pub(crate) form: String,
    pub(crate) page: &'a PageContent,
}

/// The consent form.
#[derive(Serialize)]
pub(crate) struct ConsentPage<'a> {
    pub(crate) client: &'a str,
    /// The host of the client's metadata document, if it has one.
    pub(crate) vouched_by: Option<&'a str>,
    /// Whether the owner of this server has configured the client.
    pub(crate) is_configured: bool,
    /// The privacy policy in the client's metadata document.
    pub(crate) client_privacy: Option<&'a LinkUrl>,
    pub(crate) destination: String,
    pub(crate) loopback: bool,
    /// The scopes that are shown with a description.
    pub(crate) permissions: Vec<Permission<'a>>,
    /// The other scopes.
    pub(crate) other_scopes: Vec<&'a str>,
    /// The tools that the client could use, if this user may see them.
    pub(crate) tools: Option<ToolList>,
    /// The signed-in user. `None` if the user still has to sign in at a provider.
    pub(crate) person: Option<&'a str>,
    /// Whether the user can sign in as another user.
    pub(crate) can_sign_out: bool,
    pub(crate) provider: Option<&'a str>,
    pub(crate) provider_scopes: &'a [String],
    pub(crate) action: &'static str,
    pub(crate) form: String,
}

/// A scope and its description.
#[derive(Serialize)]
pub(crate) struct Permission<'a> {
    pub(crate) name: &'a str,
    pub(crate) description: &'a str,
}

/// The last page before the browser opens another program. After a plain redirect, the browser
/// would keep showing the previous page as if nothing had happened.
#[derive(Serialize)]
pub(crate) struct HandoverPage<'a> {
    pub(crate) client: &'a str,
    pub(crate) location: &'a str,
}

/// A page that shows an error and what the user can do.
#[derive(Serialize)]
pub(crate) struct ErrorPage {
    pub(crate) title: &'static str,
    pub(crate) what: String,
    pub(crate) remedy: &'static str,
    pub(crate) link: Option<Link>,
}

/// A page at an address that users are not expected to open.
#[derive(Serialize)]
pub(crate) struct NoticePage {
    pub(crate) title: &'static str,
    pub(crate) what: String,
    pub(crate) link: Option<Link>,
}

/// A link on a page.
#[derive(Serialize)]
pub(crate) struct Link {
    pub(crate) label: String,
    pub(crate) location: String,
}

impl Page for LandingPage<'_> {
    const TEMPLATE: &'static str = "landing.html";
}
impl Page for SignInPage<'_> {
    const TEMPLATE: &'static str = "sign_in.html";
}
impl Page for ConsentPage<'_> {
    const TEMPLATE: &'static str = "consent.html";
}
impl Page for HandoverPage<'_> {
    const TEMPLATE: &'static str = "handover.html";
}
impl Page for ErrorPage {
    const TEMPLATE: &'static str = "error.html";
}
impl Page for NoticePage {
    const TEMPLATE: &'static str = "notice.html";
}
