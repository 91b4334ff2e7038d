//! From a challenge to a token, in the order in which a client meets it.

mod challenge;
pub use challenge::Challenge;

mod well_known;

mod resource;

mod server;
pub use server::AuthorizationServer;

mod registration;

mod request;

mod pages;

mod form;

mod listener;

mod links;

mod visitor;
pub use visitor::Visitor;

mod callback;

mod token;

mod scopes;
pub use scopes::Scopes;

mod login;
pub use login::{Grant, Login};
