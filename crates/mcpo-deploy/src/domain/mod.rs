//! A custom domain in front of the service.
//!
//! This module reads the state of the domain and sends no writes; `domain_setup` makes the changes.
//!
//! In regions with domain mappings, Cloud Run leads the domain to the service and gets its
//! certificate. mcpo creates the mapping after the release, because the service must exist. In other
//! regions, and if only a load balancer may call the service, mcpo shows what the owner must create.
//!
//! The server describes itself under the name that a client used, so `BASE_URL` can contain the domain
//! before the domain answers: clients of the `run.app` address never see it. Until the domain answers,
//! mcpo shows and checks the `run.app` address.

pub mod dns;
mod mapping;
mod observe;

pub use self::{
    mapping::{State, left_over, mappings_to},
    observe::{observe, respond},
};
use crate::google::api::run::{DomainMapping, ResourceRecord};

/// The custom domain as it was before the deployment.
#[derive(Debug)]
pub struct Domain {
    /// The host name.
    pub name: String,
    pub route: Route,
    pub response: Response,
    /// Domains with a mapping to this service that mcpo created and that no setting names.
    pub left_over: Vec<String>,
}

/// How requests for the domain reach the service.
#[derive(Debug)]
pub enum Route {
    /// Through a domain mapping of Cloud Run.
    Mapping(Box<Mapped>),
    /// Through a load balancer that the owner creates.
    LoadBalancer,
}

/// The state of the domain mapping.
#[derive(Debug, Default)]
pub struct Mapped {
    /// `None` if there is no mapping yet.
    pub mapping: Option<DomainMapping>,
    pub ownership: Ownership,
    /// The records that the domain needs. Without a mapping, those that Google is expected to ask for.
    pub records: Vec<ResourceRecord>,
    pub dns: Dns,
    /// What prevents a certificate although the records are right, with the record that allows it.
    pub obstacle: Option<String>,
}

/// Whether the caller is a verified owner of the domain.
#[derive(Debug, Default, PartialEq, Eq)]
pub enum Ownership {
    Verified,
    NotVerified,
    /// Google was not asked: it need not be known, or the caller may not ask.
    #[default]
    Unknown,
}

/// Whether the records of the domain are in DNS.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Dns {
    /// All of them, and no others.
    Set,
    /// At least one is missing. These are the records that exist instead, as text.
    Missing(Vec<String>),
    /// DNS could not be asked.
    #[default]
    Unknown,
}

/// What a request to the domain gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Response {
    /// The metadata of this server.
    Served,
    /// Another response, with this status.
    Other(u16),
    /// No response over a valid TLS connection.
    None(String),
}

impl Domain {
    /// Returns the URL, without a path.
    pub fn url(&self) -> String {
        format!("https://{}", self.name)
    }

    pub fn is_serving(&self) -> bool {
        self.response == Response::Served
    }
}
