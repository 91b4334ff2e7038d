//! Attempts on host names, pages, bodies, addresses and passwords.

use super::{Guarantee, Rule};

guarantees! {
    ORIGIN_FOREIGN: "origin-foreign", "foreign origin",
        "MCP transports, Security Warning",
        "4xx for a page of another site",
        "check Origin against a list, and answer 403";
    ORIGIN_NULL: "origin-null", "null origin",
        "MCP transports, Security Warning",
        "4xx for a sandboxed page",
        "do not trust null: any site can have this origin";
    HOST_FOREIGN: "host-foreign", "foreign host",
        "MCP transports, Security Warning (DNS rebinding)",
        "4xx for a host name that is not the server's",
        "check Host against the server's own names";
    FORWARDED_CHALLENGE: "forwarded-challenge", "forwarded, challenge",
        "RFC 9728 §7.3",
        "a challenge that names the server, regardless of request headers",
        "set the public address in the configuration; do not believe X-Forwarded-Host from anyone";
    FORWARDED_METADATA: "forwarded-metadata", "forwarded, metadata",
        "RFC 9728 §7.3; RFC 8414 §6.2",
        "metadata that names the server, regardless of request headers",
        "set the public address in the configuration; do not believe X-Forwarded-Host from anyone";
    HOST_METADATA: "host-metadata", "host, metadata",
        "RFC 9728 §7.3; RFC 8414 §6.2",
        "metadata that names the server, regardless of Host",
        "set the public address in the configuration";
    PAGE_CONSENT: "page-consent", "consent asked",
        "MCP security best practices, Confused Deputy Problem",
        "a page before the first code",
        "ask for consent for each client: anyone can register";
    PAGE_FRAMING: "page-framing", "framing",
        "RFC 9700 §4.16; RFC 6749 §10.13",
        "Content-Security-Policy: frame-ancestors 'none'",
        "send the header with every page";
    PAGE_COOKIES: "page-cookies", "cookie flags",
        "MCP security best practices, Consent Cookie Security",
        "HttpOnly, SameSite, and Secure over https",
        "set every flag on every cookie of the pages";
    PAGE_CACHING: "page-caching", "page not cached",
        "RFC 9111 §5.2.2.5",
        "Cache-Control: no-store",
        "add the header to every page with a form";
    PAGE_CORS: "page-cors", "page not readable",
        "Fetch Standard, CORS protocol",
        "no CORS with credentials for the pages",
        "leave the pages out of CORS";
    PAGE_FORGED: "page-forged", "forged consent",
        "RFC 6749 §10.12; MCP security best practices, Consent CSRF Protection",
        "no code for a form sent from another site",
        "bind the form to the browser by a cookie, and check Origin";
    PAGE_SCRIPT_IN_STATE: "page-script-in-state", "script in state",
        "OWASP XSS Prevention, rule 1",
        "state is escaped where it is shown",
        "let the template engine escape";
    PAGE_SCRIPT_IN_SCOPE: "page-script-in-scope", "script in scope",
        "OWASP XSS Prevention, rule 1",
        "scopes are escaped where they are shown",
        "let the template engine escape";
    PAGE_SCRIPT_IN_ERROR: "page-script-in-error", "script in client id",
        "OWASP XSS Prevention, rule 1",
        "error pages escape what they quote",
        "let the template engine escape, on error pages too";
    PAGE_SCRIPT_IN_REDIRECT: "page-script-in-redirect", "script in URI",
        "OWASP XSS Prevention, rule 1",
        "error pages escape what they quote",
        "let the template engine escape, on error pages too";
    PAGE_SCRIPT_IN_NAME: "page-script-in-name", "script in name",
        "RFC 7591 §5; OWASP XSS Prevention, rule 1",
        "the client's name is escaped where it is shown",
        "let the template engine escape: anyone can register any name";
    BODY_LARGE_REGISTRATION: "body-large-registration", "large registration",
        "RFC 7591 §5",
        "4xx for 4 MiB, or a closed connection",
        "limit the body, and keep metadata short";
    BODY_LARGE_TOKEN: "body-large-token", "large token request",
        "RFC 9110 §15.5.14",
        "4xx for 4 MiB, or a closed connection",
        "limit the body";
    BODY_TRICKLE: "body-trickle", "trickling body",
        "RFC 9110 §15.5.9; OWASP API4:2023, Unrestricted Resource Consumption",
        "4xx or a closed connection for a body of single bytes that does not end",
        "give the whole body one deadline, limit how many pieces it comes in, and copy it into one \
         bounded buffer as it arrives";
    BODY_NONSENSE: "body-nonsense", "malformed body",
        "RFC 6749 §5.2",
        "4xx, without stack traces or other internals",
        "answer invalid_request, and keep stack traces in the log";
    BODY_DEEP: "body-deep", "deep JSON",
        "JSON-RPC 2.0 §5.1",
        "4xx or a JSON-RPC error, and the server keeps running",
        "limit the depth: recursive parsers run out of stack";
    BODY_HALF: "body-half", "truncated message",
        "JSON-RPC 2.0 §5.1",
        "4xx or a JSON-RPC error, and the server keeps running",
        "answer -32700, Parse error";
    SSRF_DOCUMENT: "ssrf-document", "document, private IP",
        "Client ID Metadata Document §6; MCP authorization, Client ID Metadata Documents",
        "no connection to private addresses",
        "refuse private, loopback and link-local addresses after name resolution";
    SSRF_DOCUMENT_BY_NAME: "ssrf-document-by-name", "document, local name",
        "Client ID Metadata Document §6; MCP authorization, Client ID Metadata Documents",
        "no connection to names of private addresses",
        "check the address that is connected to, not the name";
    SSRF_REGISTRATION: "ssrf-registration", "registered URLs",
        "RFC 7591 §5",
        "no connection to the URLs of a registration",
        "do not fetch logos, keys and policies at registration";
    LOCKOUT: "lockout", "password guessing",
        "OAuth 2.1 §7.4; NIST SP 800-63B §5.2.2",
        "429 after several wrong passwords",
        "slow down guesses, by account and by source";
}
