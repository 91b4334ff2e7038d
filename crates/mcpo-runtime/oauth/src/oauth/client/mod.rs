//! Owns the clients: three kinds of client ids, and one type for all of them.
//!
//! A client is named in the configuration, or its id is the URL of a document that describes it
//! (Client ID Metadata Document), or it registered itself and its id is the sealed registration.

mod clients;
mod configured;
mod error;
pub(crate) mod metadata;
mod metadata_document;
mod registration;

pub use self::configured::{ConfiguredClient, ConfiguredClientError};
pub(crate) use self::{
    clients::Clients,
    configured::parse_configured,
    error::ClientError,
    metadata::{AuthMethod, Client, ClientKey, ProvenClient, display_name},
    registration::Registration,
};
