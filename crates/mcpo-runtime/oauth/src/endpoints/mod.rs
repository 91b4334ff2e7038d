//! The endpoints of the authorization server, the metadata that describes this server, and its
//! pages for users.

pub(crate) mod authorize;
pub(crate) mod browser_session;
pub(crate) mod callback;
pub(crate) mod consent;
pub(crate) mod discovery;
pub(crate) mod domain_verification;
pub mod extractors;
pub(crate) mod health;
pub mod host_guard;
pub(crate) mod introspect;
pub(crate) mod methods;
pub mod navigation;
pub(crate) mod rate_limit;
pub(crate) mod register;
pub(crate) mod responses;
pub(crate) mod revoke;
pub mod router;
pub(crate) mod sign_in;
pub mod site;
pub(crate) mod submission;
pub(crate) mod token;
pub(crate) mod upstream_login;
