//! How the server can be open to attack, one variant a hole.

/// One hole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hole {
    /// A token is good for ever, whatever it says.
    ExpiredToken,
    /// A code is good without its verifier.
    CodeWithoutVerifier,
    /// A code is good with any verifier.
    CodeWithWrongVerifier,
    /// The challenge is taken as its own verifier.
    CodeWithChallenge,
    /// A code is issued without a challenge.
    NoChallengeNeeded,
    /// `plain` is taken.
    PlainChallenge,
    /// A code is good twice.
    CodeTwice,
    /// A replayed code revokes nothing.
    ReplayRevokesNothing,
    /// A code is good for any client.
    CodeOfOthers,
    /// A code is good with any redirect URI.
    CodeElsewhere,
    /// A code is good for any resource.
    CodeForOthers,
    /// A made-up code is answered with another error.
    MadeUpCode401,
    /// Redirect URIs are compared by their beginning.
    RedirectPath,
    /// Redirect URIs are compared without their query.
    RedirectQuery,
    /// Redirect URIs are compared without case.
    RedirectCase,
    /// Redirect URIs are compared without port.
    RedirectPort,
    /// Redirect URIs are compared without user.
    RedirectUser,
    /// Redirect URIs are compared without fragment.
    RedirectFragment,
    /// Redirect URIs are compared by the beginning of their host.
    RedirectHost,
    /// One foreign redirect URI is taken.
    RedirectForeign,
    /// Errors are sent anywhere.
    RedirectOfError,
    /// Clients nobody knows are redirected.
    RedirectOfStranger,
    /// `javascript:` can be registered.
    RegisterScript,
    /// http can be registered.
    RegisterPlainHttp,
    /// Fragments can be registered.
    RegisterFragment,
    /// Changed tokens are good.
    TamperedToken,
    /// Unsigned tokens are good.
    UnsignedToken,
    /// Tokens in the query are good.
    TokenInQuery,
    /// Refresh tokens are good as access tokens.
    RefreshAsAccess,
    /// Codes are good as access tokens.
    CodeAsAccess,
    /// Tokens are good after any scheme.
    TokenAfterBasic,
    /// One method asks for no token.
    OpenMethod,
    /// Tokens for others are issued, and good.
    OtherAudience,
    /// Unknown clients are answered with another error.
    UnknownClient400,
    /// Refresh tokens do not rotate.
    RefreshStays,
    /// Spent refresh tokens are good.
    RefreshTwice,
    /// A replayed refresh token revokes nothing.
    RefreshReplayRevokesNothing,
    /// Refresh tokens are good for any client.
    RefreshOfOthers,
    /// A refresh grants what is asked.
    RefreshForMore,
    /// Any origin is let in.
    AnyOrigin,
    /// The origin `null` is let in.
    NullOrigin,
    /// Any host is let in.
    AnyHost,
    /// The challenge believes what is forwarded.
    ForwardedChallenge,
    /// The metadata believes what is forwarded.
    ForwardedMetadata,
    /// The metadata believes the host.
    HostMetadata,
    /// Nobody is asked.
    NoConsent,
    /// Pages can be framed.
    Framing,
    /// A cookie can be read by scripts.
    CookieFlags,
    /// Pages are kept by caches.
    PageCached,
    /// Pages can be read by other sites.
    PageCors,
    /// Consent is taken from other sites.
    ForgedConsent,
    /// `state` is not escaped.
    ScriptInState,
    /// `scope` is not escaped.
    ScriptInScope,
    /// The unknown client is not escaped.
    ScriptInError,
    /// The wrong redirect URI is not escaped.
    ScriptInRedirect,
    /// The client's name is not escaped.
    ScriptInName,
    /// Registrations may have any size.
    LargeRegistration,
    /// Token requests may have any size.
    LargeTokenRequest,
    /// Token requests may come in any number of pieces, and take for ever.
    TricklingBody,
    /// An error is sent to a client nobody has approved, without a page.
    ErrorWithoutPage,
    /// Clients without a secret are taken, though the metadata says that they are not.
    PublicClients,
    /// Errors show the program's innards.
    Innards,
    /// Deep JSON breaks the server.
    DeepJson,
    /// Half a message breaks the server.
    HalfMessage,
    /// Documents are fetched from anywhere.
    FetchesDocuments,
    /// Documents are fetched from any name.
    FetchesDocumentsByName,
    /// Logos are fetched at registration.
    FetchesLogos,
    /// A restart forgets access tokens.
    ForgetsAccess,
    /// A restart forgets refresh tokens.
    ForgetsRefresh,
    /// A restart forgets clients.
    ForgetsClients,
    /// Passwords may be guessed for ever.
    NoLockout,
}

impl Hole {
    /// Every hole that an attacker finds at once; [`Self::ExpiredToken`] and [`Self::TricklingBody`]
    /// take time to show.
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
