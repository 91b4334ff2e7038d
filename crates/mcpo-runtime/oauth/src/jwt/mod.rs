//! JSON Web Tokens of other servers (RFC 7519), and the issuers that sign them.

mod claims;
mod crypto;
mod discovery;
mod issuer;
mod keys;
mod token;

pub(crate) use self::{
    claims::{Claims, SKEW},
    issuer::{Issuer, IssuerError, Metadata, MetadataKind, TokenError},
    token::{JwtError, JwtHeader},
};

#[cfg(test)]
mod tests;
