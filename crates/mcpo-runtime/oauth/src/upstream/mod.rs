//! Tokens of the sign-in provider. They are kept for the tools of this server and never shown to
//! clients.
//!
//! The tokens are sealed in the ledger, in the record of the sign-in, so that all instances have
//! the same tokens. They are renewed before they expire. Within an instance, one request renews
//! them while the others wait. Among instances, the record names the one that is renewing, because
//! many providers accept a refresh token only once.

mod login_transaction;
mod refresh;
mod sign_in_record;
mod token_cache;

pub(crate) use self::login_transaction::LoginTransaction;
#[cfg(test)]
pub(crate) use self::sign_in_record::SignInRecord;
pub use self::token_cache::{NoToken, TokenCache};
