//! JSON Web Tokens of others (RFC 7519), and the issuers whose keys sign them.

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
