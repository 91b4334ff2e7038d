//! The vulnerabilities of the server, one variant each.

/// A vulnerability.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hole {
    /// Access tokens never expire.
    ExpiredToken,
    /// A code can be exchanged without its verifier.
    CodeWithoutVerifier,
    /// A code can be exchanged with any verifier.
    CodeWithWrongVerifier,
    /// The challenge is accepted as the verifier.
    CodeWithChallenge,
    /// A code is issued without a challenge.
    NoChallengeNeeded,
    /// `plain` is accepted.
    PlainChallenge,
    /// A code can be used twice.
    CodeTwice,
    /// A replayed code revokes nothing.
    ReplayRevokesNothing,
    /// A code can be used by any client.
    CodeOfOthers,
    /// A code can be exchanged with any redirect URI.
    CodeElsewhere,
    /// A code can be exchanged for any resource.
    CodeForOthers,
    /// A made-up code gets a different error.
    MadeUpCode401,
    /// Redirect URIs are compared by prefix.
    RedirectPath,
    /// Redirect URIs are compared without the query.
    RedirectQuery,
    /// Redirect URIs are compared case-insensitively.
    RedirectCase,
    /// Redirect URIs are compared without the port.
    RedirectPort,
    /// Redirect URIs are compared without the user.
    RedirectUser,
    /// Redirect URIs are compared without the fragment.
    RedirectFragment,
    /// Redirect URIs are compared by the beginning of the host.
    RedirectHost,
    /// One unregistered redirect URI is accepted.
    RedirectForeign,
    /// Errors are sent to unregistered redirect URIs.
    RedirectOfError,
    /// Unknown clients are redirected.
    RedirectOfStranger,
    /// `javascript:` redirect URIs can be registered.
    RegisterScript,
    /// http redirect URIs can be registered.
    RegisterPlainHttp,
    /// Redirect URIs with a fragment can be registered.
    RegisterFragment,
    /// Modified tokens are accepted.
    TamperedToken,
    /// Unsigned tokens are accepted.
    UnsignedToken,
    /// Tokens in the query are accepted.
    TokenInQuery,
    /// Refresh tokens are accepted as access tokens.
    RefreshAsAccess,
    /// Codes are accepted as access tokens.
    CodeAsAccess,
    /// Tokens are accepted after the scheme `Basic`.
    TokenAfterBasic,
    /// One method requires no token.
    OpenMethod,
    /// Tokens for other resources are issued and accepted.
    OtherAudience,
    /// Unknown clients get a different error.
    UnknownClient400,
    /// Refresh tokens do not rotate.
    RefreshStays,
    /// Used refresh tokens are accepted.
    RefreshTwice,
    /// A replayed refresh token revokes nothing.
    RefreshReplayRevokesNothing,
    /// Refresh tokens can be used by any client.
    RefreshOfOthers,
    /// A refresh grants any requested scope.
    RefreshForMore,
    /// Any origin is accepted.
    AnyOrigin,
    /// The origin `null` is accepted.
    NullOrigin,
    /// Any host is accepted.
    AnyHost,
    /// The challenge trusts forwarded headers.
    ForwardedChallenge,
    /// The metadata trusts forwarded headers.
    ForwardedMetadata,
    /// The metadata trusts the `Host` header.
    HostMetadata,
    /// The user is not asked for consent.
    NoConsent,
    /// Pages can be framed.
    Framing,
    /// A cookie can be read by scripts.
    CookieFlags,
    /// Pages can be cached.
    PageCached,
    /// Pages can be read by other sites.
    PageCors,
    /// Consent is accepted from other sites.
    ForgedConsent,
    /// `state` is not escaped.
    ScriptInState,
    /// `scope` is not escaped.
    ScriptInScope,
    /// The unknown client id is not escaped.
    ScriptInError,
    /// The invalid redirect URI is not escaped.
    ScriptInRedirect,
    /// The client's name is not escaped.
    ScriptInName,
    /// Registrations can have any size.
    LargeRegistration,
    /// Token requests can have any size.
    LargeTokenRequest,
    /// Token requests can arrive in any number of pieces and take forever.
    TricklingBody,
    /// An error is sent to the client without a page that the user can see.
    ErrorWithoutPage,
    /// Clients without a secret are accepted, although the metadata excludes them.
    PublicClients,
    /// Errors contain internal details.
    Innards,
    /// Deeply nested JSON causes a server error.
    DeepJson,
    /// An incomplete message causes a server error.
    HalfMessage,
    /// Client metadata documents are fetched from any IP address.
    FetchesDocuments,
    /// Client metadata documents are fetched from any host name.
    FetchesDocumentsByName,
    /// Logos are fetched at registration.
    FetchesLogos,
    /// A restart forgets access tokens.
    ForgetsAccess,
    /// A restart forgets refresh tokens.
    ForgetsRefresh,
    /// A restart forgets clients.
    ForgetsClients,
    /// The number of password guesses is not limited.
    NoLockout,
}

impl Hole {
    /// Every vulnerability that an attacker finds immediately. [`Self::ExpiredToken`] and
    /// [`Self::TricklingBody`] take time to show.
    pub const ALL: &[Self] = &[
        Self::CodeWithoutVerifier,
        Self::CodeWithWrongVerifier,
        Self::CodeWithChallenge,
        Self::NoChallengeNeeded,
        Self::PlainChallenge,
        Self::CodeTwice,
        Self::ReplayRevokesNothing,
        Self::CodeOfOthers,
        Self::CodeElsewhere,
        Self::CodeForOthers,
        Self::MadeUpCode401,
        Self::RedirectPath,
        Self::RedirectQuery,
        Self::RedirectCase,
        Self::RedirectPort,
        Self::RedirectUser,
        Self::RedirectFragment,
        Self::RedirectHost,
        Self::RedirectForeign,
        Self::RedirectOfError,
        Self::RedirectOfStranger,
        Self::RegisterScript,
        Self::RegisterPlainHttp,
        Self::RegisterFragment,
        Self::TamperedToken,
        Self::UnsignedToken,
        Self::TokenInQuery,
        Self::RefreshAsAccess,
        Self::CodeAsAccess,
        Self::TokenAfterBasic,
        Self::OpenMethod,
        Self::OtherAudience,
        Self::UnknownClient400,
        Self::RefreshStays,
        Self::RefreshTwice,
        Self::RefreshReplayRevokesNothing,
        Self::RefreshOfOthers,
        Self::RefreshForMore,
        Self::AnyOrigin,
        Self::NullOrigin,
        Self::AnyHost,
        Self::ForwardedChallenge,
        Self::ForwardedMetadata,
        Self::HostMetadata,
        Self::NoConsent,
        Self::Framing,
        Self::CookieFlags,
        Self::PageCached,
        Self::PageCors,
        Self::ForgedConsent,
        Self::ScriptInState,
        Self::ScriptInScope,
        Self::ScriptInError,
        Self::ScriptInRedirect,
        Self::ScriptInName,
        Self::LargeRegistration,
        Self::LargeTokenRequest,
        Self::ErrorWithoutPage,
        Self::PublicClients,
        Self::Innards,
        Self::DeepJson,
        Self::HalfMessage,
        Self::FetchesDocuments,
        Self::FetchesDocumentsByName,
        Self::FetchesLogos,
        Self::NoLockout,
    ];
}
