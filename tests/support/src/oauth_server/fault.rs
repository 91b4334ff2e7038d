//! What can be wrong with the server, one variant a fault.

/// One thing that is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// 401 without `WWW-Authenticate`.
    NoChallenge,
    /// 401 whose challenge does not name the metadata.
    ChallengeWithoutMetadata,
    /// The challenge names metadata at an address that is none.
    ChallengeWithBadUrl,
    /// 500 instead of a challenge.
    McpError500,
    /// The MCP endpoint redirects.
    McpRedirect,
    /// No protected resource metadata anywhere.
    NoResourceMetadata,
    /// A page where the resource metadata should be.
    ResourceMetadataIsHtml,
    /// The resource metadata redirects in circles.
    ResourceMetadataLoops,
    /// The resource metadata names no authorization server.
    NoAuthorizationServers,
    /// The resource metadata is about another server.
    ResourceMismatch,
    /// The resource metadata names the origin rather than the address.
    ResourceIsOrigin,
    /// A body that never ends.
    EndlessBody,
    /// A body that drips.
    SlowDrip,
    /// The issuer's metadata cannot be found.
    NoServerMetadata,
    /// The issuer's metadata answers 500.
    ServerMetadata500,
    /// The issuer's metadata names another issuer.
    WrongIssuer,
    /// The issuer's metadata has a slash too many.
    IssuerWithSlash,
    /// The issuer's metadata says nothing about PKCE.
    NoPkce,
    /// The issuer's metadata offers `plain` only.
    PlainPkce,
    /// The token endpoint is http, and not on this machine.
    InsecureEndpoint,
    /// The issuer's metadata names no token endpoint.
    NoTokenEndpoint,
    /// Neither registration nor documents.
    NoRegistration,
    /// Registration is refused.
    RegistrationRefused,
    /// Registration answers without a client id.
    RegistrationWithoutId,
    /// The authorization endpoint answers 500.
    AuthorizeError500,
    /// The pages lead round in circles.
    PagesLoop,
    /// A page without a form.
    PageWithoutForm,
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
    /// The redirect carries the issuer with a slash too many.
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
    /// The token endpoint issues something else than bearer tokens.
    WrongTokenType,
    /// The token endpoint lets caches keep its answers.
    TokenCached,
    /// The tokens that are issued are not accepted.
    TokenNotAccepted,
    /// Every request asks for one more scope, for ever.
    EndlessStepUp,
    /// Refreshing is refused.
    RefreshRefused,
    /// Refreshed tokens are not accepted.
    RefreshedTokenNotAccepted,
    /// `initialize` answers a revision nobody knows.
    UnknownVersion,
    /// No instructions for the model.
    NoInstructions,
    /// No title for people.
    NoTitle,
    /// An icon that clients do not load.
    IconOverHttp,
    /// `tools/list` answers an error.
    ToolsListError,
    /// `tools/list` answers no array.
    ToolsNotAList,
    /// A tool without a schema.
    ToolWithoutSchema,
    /// Two tools with one name.
    ToolTwice,
    /// Pages of tools without end.
    EndlessTools,
    /// No tools.
    NoTools,
    /// The tool answers `isError`.
    ToolError,
    /// The tool answers a JSON-RPC error.
    ToolRpcError,
    /// The tool's result has no content.
    ToolWithoutContent,
    /// Terminal escape codes in every string.
    HostileStrings,
    /// Older clients find other tools.
    OlderClientsFindLess,
    /// Answers that do not say that they are JSON.
    WrongContentType,
    /// More headers than anybody reads.
    HeaderBomb,
    /// A sign-in form that would put the password into the address.
    PasswordInUrl,
    /// Scripts in a browser may read nothing.
    NoCors,
    /// Scripts in a browser may read all but the challenge.
    CorsHidesChallenge,
    /// An event stream that ends without the answer.
    BrokenEvents,
    /// A revision that is not known is answered with an error.
    RefusesFuture,
    /// A revision that is not known is answered as if it were.
    SpeaksTheFuture,
    /// A resource whose URI is none.
    ResourceWithoutScheme,
    /// The first resource cannot be read.
    ResourceUnreadable,
    /// Reading a resource answers something else.
    ResourceWithoutText,
    /// `resources/list` is announced and not answered.
    ResourcesListError,
    /// A prompt without a name.
    PromptWithoutName,
    /// Getting a prompt answers something else.
    PromptWithoutMessages,
    /// The client's id is looked for in the body only.
    WantsIdTwice,
}

impl Fault {
    /// Every fault.
    pub const ALL: &[Self] = &[
        Self::NoChallenge,
        Self::ChallengeWithoutMetadata,
        Self::ChallengeWithBadUrl,
        Self::McpError500,
        Self::McpRedirect,
        Self::NoResourceMetadata,
        Self::ResourceMetadataIsHtml,
        Self::ResourceMetadataLoops,
        Self::NoAuthorizationServers,
        Self::ResourceMismatch,
        Self::ResourceIsOrigin,
        Self::EndlessBody,
        Self::SlowDrip,
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
    ];
}
