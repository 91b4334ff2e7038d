//! The resource server: validates the token of a request and identifies the caller.

pub mod authenticate;
pub mod caller_claims;
pub mod challenge;
pub mod connection_cache;
pub(crate) mod external;
pub mod validated_token;
