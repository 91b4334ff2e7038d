//! Fakes, real servers and helpers that the integration tests share.

pub mod oauth_server;
