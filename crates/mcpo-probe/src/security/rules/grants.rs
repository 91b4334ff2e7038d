//! Attempts on codes, redirect URIs, registrations and tokens.

use super::{Guarantee, Rule};

guarantees! {
    PKCE_NO_VERIFIER: "pkce-no-verifier", "no verifier",
        "RFC 7636 §4.6; OAuth 2.1 §4.1.3",
        "the code is refused without code_verifier",
        "verify PKCE whenever the authorization request had a challenge";
    PKCE_WRONG_VERIFIER: "pkce-wrong-verifier", "wrong verifier",
        "RFC 7636 §4.6",
        "invalid_grant for a verifier that does not match",
        "compare base64url(SHA-256(code_verifier)) with the challenge of the authorization request";
    PKCE_CHALLENGE_AS_VERIFIER: "pkce-challenge-as-verifier", "challenge reused",
        "RFC 7636 §4.6",
        "invalid_grant when the challenge is sent as its own verifier",
        "hash the verifier before comparing: the challenge is public";
    PKCE_NO_CHALLENGE: "pkce-no-challenge", "no challenge",
        "OAuth 2.1 §4.1.1; MCP authorization, Authorization Code Protection",
        "no code for a request without code_challenge",
        "refuse authorization requests without a challenge: invalid_request";
    PKCE_PLAIN: "pkce-plain", "plain challenge",
        "RFC 9700 §2.1.1; MCP authorization, Authorization Code Protection",
        "no code for code_challenge_method=plain",
        "offer and accept S256 only";
    CODE_TWICE: "code-twice", "code twice",
        "RFC 6749 §4.1.2; OAuth 2.1 §4.1.3",
        "a code is refused the second time",
        "mark the code as used in one atomic step, before tokens are issued";
    CODE_REPLAY_REVOKES: "code-replay-revokes", "code replayed",
        "RFC 6749 §4.1.2; RFC 9700 §4.5",
        "the tokens of a replayed code are revoked",
        "revoke the grant when its code is used again: one of the two uses is a theft";
    CODE_OTHER_CLIENT: "code-other-client", "code, other client",
        "RFC 6749 §4.1.3",
        "a code is refused from another client",
        "bind the code to the client_id of the authorization request";
    CODE_OTHER_REDIRECT: "code-other-redirect", "code, other URI",
        "RFC 6749 §4.1.3",
        "a code is refused with another redirect_uri",
        "compare redirect_uri with the one of the authorization request";
    CODE_OTHER_RESOURCE: "code-other-resource", "code, other resource",
        "RFC 8707 §2.2",
        "invalid_target for a resource that was not authorized",
        "refuse resources other than the one of the authorization request";
    CODE_MADE_UP: "code-made-up", "made-up code",
        "RFC 6749 §5.2",
        "HTTP 400, invalid_grant",
        "answer exactly like this: clients then start over";
    REDIRECT_PATH: "redirect-path", "URI, longer path",
        "OAuth 2.1 §2.3.1; RFC 9700 §4.1",
        "no redirect to a longer path",
        "compare redirect URIs as whole strings, not by their beginning";
    REDIRECT_QUERY: "redirect-query", "URI, more query",
        "OAuth 2.1 §2.3.1; RFC 9700 §4.1",
        "no redirect to an address with another query",
        "compare redirect URIs as whole strings, query included";
    REDIRECT_CASE: "redirect-case", "URI, other case",
        "OAuth 2.1 §2.3.1",
        "no redirect to another spelling of the path",
        "compare redirect URIs byte for byte: paths have cases";
    REDIRECT_PORT: "redirect-port", "URI, other port",
        "OAuth 2.1 §2.3.1; RFC 8252 §7.3",
        "no redirect to another port off loopback",
        "leave the port out of the comparison on loopback only";
    REDIRECT_USER: "redirect-user", "URI, user name",
        "RFC 9700 §4.1",
        "no redirect to an address with a user name",
        "compare redirect URIs as whole strings";
    REDIRECT_FRAGMENT: "redirect-fragment", "URI, fragment",
        "RFC 6749 §3.1.2",
        "no redirect to an address with a fragment",
        "refuse redirect URIs with a fragment";
    REDIRECT_HOST: "redirect-host", "URI, longer host",
        "RFC 9700 §4.1",
        "no redirect to a host that only begins the same way",
        "compare redirect URIs as whole strings, not by pattern";
    REDIRECT_FOREIGN: "redirect-foreign", "URI, foreign",
        "RFC 6749 §3.1.2.4; OAuth 2.1 §4.1.2.1",
        "no redirect to an address that was never registered",
        "look the redirect URI up in the client's registration, at every step";
    REDIRECT_OF_ERROR: "redirect-of-error", "error, foreign URI",
        "RFC 6749 §4.1.2.1; RFC 9700 §4.11",
        "errors before the redirect URI is verified are shown, not redirected",
        "verify client and redirect URI before anything else";
    UNKNOWN_CLIENT: "unknown-client", "unknown client",
        "RFC 6749 §4.1.2.1",
        "no redirect for an unknown client",
        "show an error page: an unknown client has no redirect URI";
    ERROR_WITHOUT_PAGE: "error-without-page", "error without page",
        "RFC 9700 §4.11.2; RFC 6749 §10.15",
        "a page of the server before a browser is redirected to a client that no user has approved",
        "show errors of clients that registered themselves on a page, with the destination as a link";
    REGISTER_SCRIPT: "register-script", "script as URI",
        "RFC 7591 §5; OAuth 2.1 §2.3.1",
        "javascript: is refused as a redirect URI",
        "accept https, http on loopback and schemes that programs own, never javascript: or data:";
    REGISTER_PLAIN_HTTP: "register-plain-http", "http as URI",
        "OAuth 2.1 §1.5; RFC 8252 §8.3",
        "http off loopback is refused as a redirect URI",
        "accept http on loopback only: elsewhere, others could read the codes";
    REGISTER_FRAGMENT: "register-fragment", "fragment as URI",
        "RFC 6749 §3.1.2",
        "a redirect URI with a fragment is refused",
        "refuse redirect URIs with a fragment";
    REGISTER_PUBLIC: "register-public", "public client",
        "RFC 7591 §2; RFC 8414 §2; OAuth 2.1 §2.4",
        "no tokens for a client without a secret, as token_endpoint_auth_methods_supported lacks none",
        "refuse token_endpoint_auth_method none at registration and at the token endpoint, or offer it";
    TOKEN_TAMPERED: "token-tampered", "tampered token",
        "RFC 6750 §3.1; RFC 9068 §4",
        "401 for a modified token",
        "check signature or lookup before reading anything in the token";
    TOKEN_EXPIRED: "token-expired", "expired token",
        "RFC 6750 §3.1; OAuth 2.1 §5.2",
        "401 for an expired token",
        "compare its expiry with the clock at every request";
    TOKEN_UNSIGNED: "token-unsigned", "unsigned token",
        "RFC 8725 §3.1 and §3.2",
        "401 for a JWT with alg none",
        "list the accepted algorithms, without none";
    TOKEN_IN_QUERY: "token-in-query", "token in query",
        "OAuth 2.1 §5.1; MCP authorization, Token Requirements",
        "no access with a token in the query",
        "read tokens from the Authorization header only";
    TOKEN_REFRESH_AS_ACCESS: "token-refresh-as-access", "refresh as access",
        "RFC 6749 §1.5",
        "401 for a refresh token",
        "accept only access tokens here";
    TOKEN_CODE_AS_ACCESS: "token-code-as-access", "code as access",
        "RFC 6750 §3.1",
        "401 for a code",
        "accept only access tokens here, not codes";
    TOKEN_OTHER_SCHEME: "token-other-scheme", "token, other scheme",
        "RFC 6750 §2.1",
        "401 for a token after Basic",
        "accept the scheme Bearer only";
    TOKEN_EVERY_METHOD: "token-every-method", "every method",
        "MCP authorization, Token Requirements",
        "401 without a token, for every method",
        "put the check before the MCP endpoint, not into some of its methods";
    TOKEN_OTHER_AUDIENCE: "token-other-audience", "other audience",
        "RFC 8707 §2; MCP authorization, Token Audience Binding",
        "no token for another resource, or it is refused here",
        "refuse other resources with invalid_target, and check the audience on every request";
    TOKEN_UNKNOWN_CLIENT: "token-unknown-client", "no such client",
        "RFC 6749 §5.2",
        "HTTP 401, invalid_client",
        "answer exactly like this: clients then register again";
    REFRESH_ROTATES: "refresh-rotates", "refresh rotates",
        "OAuth 2.1 §4.3.1; RFC 9700 §4.14",
        "a new refresh token each time, for clients without a secret",
        "send a new refresh token with every refresh";
    REFRESH_TWICE: "refresh-twice", "refresh twice",
        "OAuth 2.1 §4.3.1; RFC 9700 §4.14.2",
        "an old refresh token is refused",
        "remember which refresh token is current";
    REFRESH_REPLAY_REVOKES: "refresh-replay-revokes", "refresh replayed",
        "RFC 9700 §4.14.2",
        "all refresh tokens of the grant are revoked after a replay",
        "revoke the grant when an old refresh token is used again";
    REFRESH_OTHER_CLIENT: "refresh-other-client", "refresh, other client",
        "RFC 6749 §6",
        "a refresh token is refused from another client",
        "bind refresh tokens to their client";
    REFRESH_MORE_SCOPES: "refresh-more-scopes", "refresh, new scope",
        "RFC 6749 §6",
        "no scopes that were not granted before",
        "refuse wider scopes with invalid_scope, or leave them out";
}
