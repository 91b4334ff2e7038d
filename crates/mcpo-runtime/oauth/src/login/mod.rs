//! Sign-in: how the server finds out who is using the browser. The logins, and the contract that a
//! custom login implements.

mod anonymous;
mod context;
mod contract;
mod github;
pub(crate) mod name_owner;
mod oidc;
mod page;
mod password;
mod provider_error;
mod subject;
mod token_endpoint;
pub(crate) mod upstream_tokens;

pub(crate) use self::{
    anonymous::Anonymous,
    context::{AuthorizationParams, LoginSecrets},
    contract::RefusalKind,
    page::PageContent,
    password::{MAX_PASSWORD_LEN, Password, Secret as PasswordSecret},
    subject::CredentialVersions,
    upstream_tokens::StoredTokens,
};
pub use self::{
    context::{LoginContext, LoginInput},
    contract::{Identity, Login, LoginError, LoginFuture, Outcome, Provider, Refusal},
    github::{GitHub, GitHubError},
    oidc::{OpenId, OpenIdError},
    page::{Field, Page},
    subject::Subject,
    upstream_tokens::{UpstreamToken, UpstreamTokens},
};
