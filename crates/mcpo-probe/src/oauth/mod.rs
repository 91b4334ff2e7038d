//! OAuth, from a challenge to a token, in the order in which a client meets it.

mod challenge;
pub use challenge::Challenge;

mod metadata;
pub mod well_known;

mod public_address;

mod resource;
pub use resource::Resource;

mod server;
pub use server::AuthorizationServer;

mod registration_refusal;

mod registration;

mod request;
pub use request::AuthorizationRequest;

mod refusal;

pub mod pages;

mod listener;

mod browser_rules;

mod links;

mod user_agent;
pub use user_agent::UserAgent;

mod callback;

pub mod token;
pub use token::Refusal;

mod grant;
pub use grant::{Grant, Reached};

mod login;
pub use login::Login;
