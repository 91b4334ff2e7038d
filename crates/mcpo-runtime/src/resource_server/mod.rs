//! The resource server: validates the token of a request and identifies the caller.

pub(crate) mod authenticate;
pub(crate) mod caller;
pub(crate) mod challenge;
pub(crate) mod connection_cache;
pub(crate) mod external;
pub(crate) mod validated_token;
