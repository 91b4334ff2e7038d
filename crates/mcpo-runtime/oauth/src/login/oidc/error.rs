//! The reasons why a provider cannot be configured.

/// The reason why the OpenID settings cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OpenIdError {
    /// The issuer is neither an https URL nor a known provider. Plain http is accepted only for
    /// this machine.
    #[error("is neither the https URL of an issuer nor a known provider")]
    Issuer,
    /// The part after the name of a known provider is missing or not allowed.
    #[error("names a known provider, but the part after the name is missing or not allowed")]
    Preset,
    /// The tokens of such an issuer do not say which tenant they are from.
    #[error("names no tenant, so tokens of every tenant would be accepted")]
    AnyTenant,
    /// Not an e-mail address.
    #[error("has an entry that is not an e-mail address")]
    Email,
    /// Not a domain.
    #[error("has an entry that is not a domain")]
    Domain,
}
