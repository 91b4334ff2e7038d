//! The resource server: whose token a request shows, and whether it is good here.

pub(crate) mod authenticate;
pub(crate) mod caller;
pub(crate) mod challenge;
pub(crate) mod connection_cache;
pub(crate) mod external;
pub(crate) mod validated_token;
