//! The faults of the server, one variant each.

/// A fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// 401 without `WWW-Authenticate`.
    NoChallenge,
    /// 401 whose challenge does not name the metadata.
    ChallengeWithoutMetadata,
    /// The challenge has an invalid metadata URL.
    ChallengeWithBadUrl,
    /// The challenge names the metadata twice.
    ChallengeTwice,
    /// The challenge names the metadata without quotes.
    ChallengeUnquoted,
    /// Another bearer challenge comes before the server's own.
    TwoChallenges,
    /// The 401 to GET has a challenge, the one to POST has none.
    ChallengeOnGetOnly,
    /// The endpoint requires no token, but metadata is published.
    OpenWithMetadata,
    /// 500 instead of 401 for an invalid token.
    InvalidToken500,
    /// 401 without a challenge for an invalid token.
    InvalidTokenWithoutChallenge,
    /// `invalid_request` instead of `invalid_grant` for an invalid refresh token.
    InvalidRefreshIsInvalidRequest,
    /// 500 for an invalid refresh token.
    InvalidRefresh500,
    /// 500 instead of a challenge.
    McpError500,
    /// The MCP endpoint redirects.
    McpRedirect,
    /// No protected resource metadata anywhere.
    NoResourceMetadata,
    /// An HTML page instead of the resource metadata.
    ResourceMetadataIsHtml,
    /// The resource metadata redirects to itself.
    ResourceMetadataLoops,
    /// The resource metadata names no authorization server.
    NoAuthorizationServers,
    /// The resource metadata describes another server.
    ResourceMismatch,
    /// The resource metadata names the origin instead of the full URL.
    ResourceIsOrigin,
    /// A body that never ends.
    EndlessBody,
    /// A body that arrives one byte at a time.
    SlowBody,
    /// The issuer's metadata is missing.
    NoServerMetadata,
    /// The issuer's metadata answers 500.
    ServerMetadata500,
    /// The issuer's metadata names another issuer.
    WrongIssuer,
    /// The issuer's metadata has an extra slash in the issuer.
    IssuerWithSlash,
    /// The issuer's metadata says nothing about PKCE.
    NoPkce,
    /// The issuer's metadata offers `plain` only.
    PlainPkce,
    /// The token endpoint uses http on a remote host.
    InsecureEndpoint,
    /// The issuer's metadata names no token endpoint.
    NoTokenEndpoint,
    /// The server supports neither registration nor client metadata documents.
    NoRegistration,
    /// Registration is refused.
    RegistrationRefused,
    /// Registration answers without a client id.
    RegistrationWithoutId,
    /// The authorization endpoint answers 500.
    AuthorizeError500,
    /// The pages lead back to the same page forever.
    PagesLoop,
    /// A page without a form.
    PageWithoutForm,
    /// The consent page's policy forbids the redirect back to the client.
    FormActionSelf,
    /// The same policy in a `<meta>` element.
    FormActionInMeta,
    /// The consent page sets a cookie that is not sent when the client opens the page.
    StrictCookie,
    /// The redirect carries `error=access_denied`.
    AccessDenied,
    /// The redirect carries neither code nor error.
    NoCode,
    /// The redirect carries another state.
    WrongState,
    /// The redirect carries no state.
    NoState,
    /// The redirect carries another issuer.
    WrongIss,
    /// The redirect carries the issuer with an extra slash.
    IssWithSlash,
    /// The redirect carries no issuer, though the metadata announces it.
    NoIss,
    /// The redirect carries an error together with another issuer.
    ErrorFromWrongIss,
    /// The token endpoint answers 500.
    TokenError500,
    /// The token endpoint refuses the client.
    TokenInvalidClient,
    /// The token endpoint answers without a token.
    NoAccessToken,
    /// The token endpoint issues tokens that are not bearer tokens.
    WrongTokenType,
    /// The token endpoint allows caching of its responses.
    TokenCached,
    /// The tokens that are issued are not accepted.
    TokenNotAccepted,
    /// Every request requires one more scope, forever.
    EndlessStepUp,
    /// Refreshing is refused.
    RefreshRefused,
    /// Refreshed tokens are not accepted.
    RefreshedTokenNotAccepted,
    /// `initialize` returns an unknown revision.
    UnknownVersion,
    /// No instructions for the model.
    NoInstructions,
    /// No display title.
    NoTitle,
    /// An icon with an http URL, which clients do not load.
    IconOverHttp,
    /// `tools/list` returns an error.
    ToolsListError,
    /// `tools/list` does not return an array.
    ToolsNotAList,
    /// A tool without a schema.
    ToolWithoutSchema,
    /// Two tools with one name.
    ToolTwice,
    /// Pages of tools without end.
    EndlessTools,
    /// No tools.
    NoTools,
    /// The tool returns `isError`.
    ToolError,
    /// The tool returns a JSON-RPC error.
    ToolRpcError,
    /// The tool's result has no content.
    ToolWithoutContent,
    /// Terminal escape codes in every string.
    HostileStrings,
    /// Older clients get fewer tools.
    OlderClientsFindLess,
    /// Responses without the JSON content type.
    WrongContentType,
    /// More headers than any client accepts.
    HeaderBomb,
    /// A sign-in form that would put the password into the URL.
    PasswordInUrl,
    /// Scripts in a browser cannot read any response.
    NoCors,
    /// Scripts in a browser can read everything except the challenge.
    CorsHidesChallenge,
    /// An event stream that ends before the response.
    BrokenEvents,
    /// An unknown revision is rejected with an error.
    RefusesFuture,
    /// An unknown revision is answered as if it were known.
    SpeaksTheFuture,
    /// A resource whose URI is invalid.
    ResourceWithoutScheme,
    /// The first resource cannot be read.
    ResourceUnreadable,
    /// Reading a resource returns a result of the wrong shape.
    ResourceWithoutText,
    /// `resources/list` is announced but returns an error.
    ResourcesListError,
    /// A prompt without a name.
    PromptWithoutName,
    /// Getting a prompt returns a result of the wrong shape.
    PromptWithoutMessages,
    /// The server looks for the client id only in the body.
    WantsIdTwice,
    /// A bot check answers instead of the MCP endpoint.
    BotCheckOnEndpoint,
    /// A bot check answers instead of the issuer's metadata.
    BotCheckOnMetadata,
    /// A bot check answers instead of the authorization endpoint; browsers pass it.
    BotCheckOnPage,
    /// A bot check answers instead of the token endpoint.
    BotCheckOnToken,
    /// Cloud Run answers instead of the MCP endpoint, because it does not know the caller.
    CloudRunForbids,
    /// The gateway in front of the server sends an error page for a registration.
    UnknownGatewayPage,
    /// Registration needs an initial access token.
    RegistrationNeedsToken,
    /// A policy forbids the registration, in the words of Keycloak.
    RegistrationForbidden,
    /// Registration is rate-limited.
    RegistrationLimited,
    /// Registration answers 500.
    RegistrationError500,
    /// The authorization endpoint does not know the redirect URI.
    AuthorizeUnknownRedirectUri,
    /// The authorization endpoint does not know the client.
    AuthorizeUnknownClient,
    /// The authorization endpoint does not know the resource.
    AuthorizeUnknownResource,
    /// The redirect carries `error=invalid_scope`.
    ScopeRefused,
    /// An error page with status 200 and an error code, with a form that has no inputs.
    ErrorPageWithCode,
    /// The resource metadata names the inner port of a server behind a proxy.
    ResourceOnOtherPort,
    /// The MCP endpoint answers 403 to the User-Agent of claude.ai, as some firewalls do.
    RefusesUserAgent,
    /// The resource metadata has a member that is null.
    ResourceMetadataWithNull,
    /// The resource metadata has text instead of a list.
    AuthorizationServersIsText,
    /// The issuer's metadata lacks a required member.
    ServerMetadataWithoutResponseTypes,
    /// The issuer's metadata has members that are null.
    ServerMetadataWithNull,
    /// The issuer's metadata has text instead of a list.
    PkceIsText,
    /// Registration answers with members that are null.
    RegistrationWithNulls,
    /// Registration answers without `redirect_uris`.
    RegistrationWithoutUris,
    /// The tokens come with members that are null.
    TokensWithNulls,
    /// The lifetime of the tokens is text.
    ExpiresInIsText,
    /// The granted scopes are separated by commas.
    ScopesWithCommas,
    /// The token endpoint answers 200 with an error.
    TokenErrorAsSuccess,
    /// The tokens are inside another object.
    TokensNested,
    /// Only the response to a refresh has a member that is null.
    RefreshedWithNull,
}

impl Fault {
    /// Every fault.
    pub const ALL: &[Self] = &[
        Self::NoChallenge,
        Self::ChallengeWithoutMetadata,
        Self::ChallengeWithBadUrl,
        Self::ChallengeTwice,
        Self::ChallengeUnquoted,
        Self::TwoChallenges,
        Self::ChallengeOnGetOnly,
        Self::OpenWithMetadata,
        Self::InvalidToken500,
        Self::InvalidTokenWithoutChallenge,
        Self::InvalidRefreshIsInvalidRequest,
        Self::InvalidRefresh500,
        Self::McpError500,
        Self::McpRedirect,
        Self::NoResourceMetadata,
        Self::ResourceMetadataIsHtml,
        Self::ResourceMetadataLoops,
        Self::NoAuthorizationServers,
        Self::ResourceMismatch,
        Self::ResourceIsOrigin,
        Self::EndlessBody,
        Self::SlowBody,
        Self::NoServerMetadata,
        Self::ServerMetadata500,
        Self::WrongIssuer,
        Self::IssuerWithSlash,
        Self::NoPkce,
        Self::PlainPkce,
        Self::InsecureEndpoint,
        Self::NoTokenEndpoint,
        Self::NoRegistration,
        Self::RegistrationRefused,
        Self::RegistrationWithoutId,
        Self::AuthorizeError500,
        Self::PagesLoop,
        Self::PageWithoutForm,
        Self::FormActionSelf,
        Self::FormActionInMeta,
        Self::StrictCookie,
        Self::AccessDenied,
        Self::NoCode,
        Self::WrongState,
        Self::NoState,
        Self::WrongIss,
        Self::IssWithSlash,
        Self::NoIss,
        Self::ErrorFromWrongIss,
        Self::TokenError500,
        Self::TokenInvalidClient,
        Self::NoAccessToken,
        Self::WrongTokenType,
        Self::TokenCached,
        Self::TokenNotAccepted,
        Self::EndlessStepUp,
        Self::RefreshRefused,
        Self::RefreshedTokenNotAccepted,
        Self::UnknownVersion,
        Self::NoInstructions,
        Self::NoTitle,
        Self::IconOverHttp,
        Self::ToolsListError,
        Self::ToolsNotAList,
        Self::ToolWithoutSchema,
        Self::ToolTwice,
        Self::EndlessTools,
        Self::NoTools,
        Self::ToolError,
        Self::ToolRpcError,
        Self::ToolWithoutContent,
        Self::HostileStrings,
        Self::OlderClientsFindLess,
        Self::WrongContentType,
        Self::HeaderBomb,
        Self::PasswordInUrl,
        Self::BrokenEvents,
        Self::NoCors,
        Self::CorsHidesChallenge,
        Self::RefusesFuture,
        Self::SpeaksTheFuture,
        Self::ResourceWithoutScheme,
        Self::ResourceUnreadable,
        Self::ResourceWithoutText,
        Self::ResourcesListError,
        Self::PromptWithoutName,
        Self::PromptWithoutMessages,
        Self::WantsIdTwice,
        Self::BotCheckOnEndpoint,
        Self::BotCheckOnMetadata,
        Self::BotCheckOnPage,
        Self::BotCheckOnToken,
        Self::CloudRunForbids,
        Self::UnknownGatewayPage,
        Self::RegistrationNeedsToken,
        Self::RegistrationForbidden,
        Self::RegistrationLimited,
        Self::RegistrationError500,
        Self::AuthorizeUnknownRedirectUri,
        Self::AuthorizeUnknownClient,
        Self::AuthorizeUnknownResource,
        Self::ScopeRefused,
        Self::ErrorPageWithCode,
        Self::ResourceOnOtherPort,
        Self::RefusesUserAgent,
        Self::ResourceMetadataWithNull,
        Self::AuthorizationServersIsText,
        Self::ServerMetadataWithoutResponseTypes,
        Self::ServerMetadataWithNull,
        Self::PkceIsText,
        Self::RegistrationWithNulls,
        Self::RegistrationWithoutUris,
        Self::TokensWithNulls,
        Self::ExpiresInIsText,
        Self::ScopesWithCommas,
        Self::TokenErrorAsSuccess,
        Self::TokensNested,
        Self::RefreshedWithNull,
    ];
}
