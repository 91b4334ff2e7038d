"""Faults of public bug reports. The number in a name is that of the report."""

from urllib.parse import urlencode, urlsplit

from server import CASES, ORIGIN, Server, case


def redirect(q, members):
    """Leads the browser back to the client with these members in the query."""
    return (302, [("Location", q["redirect_uri"] + "?" + urlencode(members))], "")


def openid(document):
    """Returns the document with the members that every OpenID provider has."""
    return {
        **document,
        "jwks_uri": document["issuer"] + "/keys",
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
    }


@case
class sentry939(Server):
    """Two resource_metadata params; the first leads to a 404."""

    mcp_path = "/mcp"

    def challenge(self, bad):
        return [
            (
                "WWW-Authenticate",
                f'Bearer realm="OAuth", resource_metadata="{ORIGIN}/.well-known/oauth-protected-resource", error="invalid_token", error_description="Missing or invalid access token", resource_metadata="{self.prm_url()}"',
            )
        ]

    def well_known(self, path):
        if path == "/.well-known/oauth-protected-resource":
            return None
        return Server.well_known(self, path)


@case
class quoting5343(Server):
    """Legal blanks around '='."""

    def challenge(self, bad):
        return [("WWW-Authenticate", f'Bearer resource_metadata = "{self.prm_url()}"')]


@case
class unquoted(Server):
    """Not legal, but seen: URL without quotes."""

    def challenge(self, bad):
        return [("WWW-Authenticate", f"Bearer resource_metadata={self.prm_url()}")]


@case
class twoheaders(Server):
    """A gateway's own Bearer challenge comes first."""

    def challenge(self, bad):
        return [
            ("WWW-Authenticate", 'Bearer realm="gateway"'),
            ("WWW-Authenticate", f'Bearer resource_metadata="{self.prm_url()}", scope="mcp:tools"'),
        ]


@case
class open925(Server):
    """Endpoint open; an authorization server for others at the origin."""

    def check(self, h):
        return "ok"

    def well_known(self, path):
        if "protected-resource" in path:
            return None
        return Server.well_known(self, path)


@case
class postonly34427(Server):
    """Challenge on GET only."""

    def mcp(self, method, h, body):
        r = Server.mcp(self, method, h, body)
        return (401, [], r[2]) if r[0] == 401 and method == "POST" else r


@case
class banner450(Server):
    """MCP at the root of its host, GET answers 200 with a banner."""

    mcp_path = "/"

    def resource(self):
        return ORIGIN

    def prm_url(self):
        return ORIGIN + "/.well-known/oauth-protected-resource"

    def extra(self, method, path, q, h, b):
        if method == "GET" and path == "/":
            return (200, [], {"name": "nice MCP server", "docs": ORIGIN + "/docs"})


@case
class slash4606(Server):
    """Authorization_servers with slash, issuer without."""

    def prm(self):
        return {**Server.prm(self), "authorization_servers": [ORIGIN + "/"]}


@case
class pathslash37373(Server):
    """Issuer with a path that ends in a slash, alike in both documents."""

    def issuer(self):
        return ORIGIN + "/oauth2/"

    def well_known(self, path):
        if path == "/.well-known/oauth-authorization-server":
            return None
        if path == "/.well-known/oauth-authorization-server/oauth2":
            return (200, [], self.asm())
        return Server.well_known(self, path)


@case
class cloudflare72673(Server):
    """Bot check in front of the issuer's metadata."""

    def extra(self, method, path, q, h, b):
        if path.startswith("/.well-known/oauth-authorization") or path.startswith(
            "/.well-known/openid"
        ):
            return (
                403,
                [
                    ("Content-Type", "text/html; charset=UTF-8"),
                    ("cf-mitigated", "challenge"),
                    ("Server", "cloudflare"),
                    ("CF-RAY", "8f-FRA"),
                ],
                "<!DOCTYPE html><html><head><title>Just a moment...</title></head><body>Enable JavaScript and cookies to continue</body></html>",
            )


@case
class cfmcp279(Server):
    """Bot check in front of the MCP endpoint itself."""

    def extra(self, method, path, q, h, b):
        return (
            403,
            [
                ("Content-Type", "text/html; charset=UTF-8"),
                ("cf-mitigated", "challenge"),
                ("Server", "cloudflare"),
                ("CF-RAY", "8f-FRA"),
            ],
            "<!DOCTYPE html><html><head><title>Just a moment...</title></head><body>Enable JavaScript and cookies to continue</body></html>",
        )


@case
class waf1061(Server):
    """A rule by User-Agent; lets the OAuth endpoints through, blocks AI agents at MCP."""

    def extra(self, method, path, q, h, b):
        ua = h.get("User-Agent", "")
        if any(x in ua for x in ("Claude-User", "ClaudeBot", "GPTBot", "ChatGPT-User")):
            return (403, [("Server", "cloudflare")], "error code: 1020")


@case
class null173(Server):
    """Registration answers with null lists and an empty method."""

    def register(self, body):
        st, hd, c = Server.register(self, body)
        d = dict(c)
        d.update(grant_types=None, response_types=None, token_endpoint_auth_method="none")
        return (st, hd, d)


@case
class empty173(Server):
    def register(self, body):
        b = {k: v for k, v in body.items()}
        st, hd, c = Server.register(self, b)
        d = dict(c)
        d.update(grant_types=None, response_types=None, token_endpoint_auth_method="")
        return (st, hd, d)


@case
class nouris(Server):
    """Registration answers without redirect_uris."""

    def register(self, body):
        st, hd, c = Server.register(self, body)
        return (200, hd, {"client_id": c["client_id"]})


@case
class string420(Server):
    """Numbers as text."""

    def token_answer(self, c, sc):
        d = Server.token_answer(self, c, sc)
        d["expires_in"] = str(d["expires_in"])
        return d


@case
class nulls_token(Server):
    """Null where nothing is."""

    def token_answer(self, c, sc):
        d = Server.token_answer(self, c, sc)
        self.refresh.pop(d["refresh_token"])
        d["refresh_token"] = None
        d["scope"] = None
        d["id_token"] = None
        return d


@case
class slack265(Server):
    """Errors as 200, scopes with commas."""

    def token_answer(self, c, sc):
        d = Server.token_answer(self, c, sc)
        d["scope"] = "mcp:tools,files:read"
        return d


@case
class slackerr265(Server):
    def token(self, h, f):
        return (200, [], {"ok": False, "error": "bad_client_secret"})


@case
class slacknest265(Server):
    def token(self, h, f):
        st, hd, d = Server.token(self, h, f)
        return (st, hd, {"ok": True, "authed_user": d} if st == 200 else d)


@case
class csp179(Server):
    """The page's policy forbids the way back."""

    def page_headers(self, q):
        return Server.page_headers(self, q) + [
            (
                "Content-Security-Policy",
                "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'",
            )
        ]


@case
class expired394(Server):
    """A bad token breaks the server."""

    def unauthorized(self, h, bad):
        return (
            (500, [], {"error": "server_error", "error_description": "Internal Server Error"})
            if bad
            else Server.unauthorized(self, h, bad)
        )


@case
class expired_nochal(Server):
    """A bad token gets 401 without a challenge."""

    def challenge(self, bad):
        return [] if bad else Server.challenge(self, bad)


@case
class deadrefresh7501(Server):
    """A spent refresh token is told apart wrongly."""

    def bad_refresh(self):
        return self.oerr(400, "invalid_request", "refresh_token is invalid")


@case
class deadrefresh500(Server):
    def bad_refresh(self):
        return (500, [], {"error": "server_error"})


@case
class nograce4901(Server):
    """The base server rotates at once."""


@case
class norefreshgrant(Server):
    """Announces refresh, does not know it."""

    def token(self, h, f):
        return (
            self.oerr(400, "unsupported_grant_type")
            if f.get("grant_type") == "refresh_token"
            else Server.token(self, h, f)
        )


@case
class plane220(Server):
    """Registers anything, then does not know it."""

    def authorize(self, q):
        if not q["redirect_uri"].startswith("http://localhost"):
            return (
                400,
                [],
                {
                    "error": "invalid_request",
                    "error_description": f"Redirect URI '{q['redirect_uri']}' does not match allowed patterns.",
                    "state": q.get("state"),
                },
            )
        return Server.authorize(self, q)


@case
class pathprm2783(Server):
    """The inserted address is guarded, the root one is open; no pointer in the challenge."""

    def challenge(self, bad):
        return [("WWW-Authenticate", "Bearer")]

    def extra(self, method, path, q, h, b):
        if path == "/.well-known/oauth-protected-resource/mcp":
            return (401, [], {"error": "unauthorized"})


@case
class suffix1288(Server):
    """Metadata under the server's own prefix, nothing at the root."""

    mcp_path = "/mcp/weather"

    def prm_url(self):
        return ORIGIN + "/mcp/weather/.well-known/oauth-protected-resource"

    def extra(self, method, path, q, h, b):
        if method == "GET" and path == "/mcp/weather/.well-known/oauth-protected-resource":
            return (200, [], self.prm())
        if path in (
            "/.well-known/oauth-protected-resource",
            "/.well-known/oauth-protected-resource/mcp/weather",
        ):
            return (401, [], {"error": "unauthorized"})


@case
class hard387(Server):
    """One resource name for all endpoints."""

    mcp_path = "/mcp/oauth"

    def prm(self):
        return {**Server.prm(self), "resource": ORIGIN + "/mcp"}


@case
class urn1304(Server):
    def prm(self):
        return {**Server.prm(self), "resource": "urn:example:mcp"}


@case
class aud9673(Server):
    """Refreshed tokens are for somebody else."""

    def refreshed_answer(self, c, sc):
        d = Server.token_answer(self, c, sc)
        self.access.pop(d["access_token"])
        return d

    def unauthorized(self, h, bad):
        return (
            (
                401,
                [
                    (
                        "WWW-Authenticate",
                        f'Bearer error="invalid_token", error_description="Invalid audience", resource_metadata="{self.prm_url()}"',
                    )
                ],
                {"error": "invalid_token"},
            )
            if bad
            else Server.unauthorized(self, h, bad)
        )


@case
class keycloak227(Server):
    """Anonymous registration is forbidden by policy."""

    def issuer(self):
        return ORIGIN + "/realms/corp"

    def asm(self):
        return {
            **Server.asm(self),
            "registration_endpoint": ORIGIN + "/realms/corp/clients-registrations/openid-connect",
        }

    def well_known(self, path):
        if path == "/.well-known/oauth-authorization-server":
            return None
        if path == "/realms/corp/.well-known/openid-configuration":
            return (200, [], openid(self.asm()))
        return Server.well_known(self, path)

    def extra(self, method, path, q, h, b):
        if path.startswith("/realms/corp/clients-registrations"):
            return (
                403,
                [],
                {
                    "error": "insufficient_scope",
                    "error_description": "Policy 'Trusted Hosts' rejected request to client-registration service. Details: Host not trusted.",
                },
            )


@case
class keycloakscope(Server):
    """Registration refused for its scope."""

    def extra(self, method, path, q, h, b):
        if path == "/register":
            return (
                403,
                [],
                {
                    "error": "insufficient_scope",
                    "error_description": "Policy 'Allowed Client Scopes' rejected request to client-registration service. Details: Not permitted to use specified clientScope",
                },
            )


@case
class entra977(Server):
    """Resource and scope do not go together: an error page, not a redirect."""

    def asm(self):
        return {**Server.asm(self)}

    def authorize(self, q):
        if q.get("resource") and "://" not in q.get("scope", ""):
            return (
                200,
                [("Content-Type", "text/html; charset=utf-8")],
                "<!DOCTYPE html><html><head><title>Sign in to your account</title></head><body><div>Sorry, but we're having trouble signing you in.</div><div>AADSTS9010010: The resource parameter provided in the request doesn't match with the requested scopes.</div><form id=\"f\"></form></body></html>",
            )
        return Server.authorize(self, q)


@case
class jsonerr_scope(Server):
    """Redirects back with invalid_scope."""

    def authorize(self, q):
        return redirect(
            q,
            {
                "error": "invalid_scope",
                "error_description": "The OAuth 2.0 Client is not allowed to request scope 'mcp:tools'.",
                "state": q.get("state", ""),
                "iss": ORIGIN,
            },
        )


@case
class textplain(Server):
    """Documents as text/plain or octets, as static hosts serve them."""

    def well_known(self, path):
        w = Server.well_known(self, path)
        return (w[0], [("Content-Type", "application/octet-stream")], w[2]) if w else None


@case
class noresptypes(Server):
    """A required member is missing."""

    def asm(self):
        d = Server.asm(self)
        d.pop("response_types_supported")
        return d


@case
class nullasm(Server):
    """Optional members are null."""

    def asm(self):
        return {
            **Server.asm(self),
            "registration_endpoint": ORIGIN + "/register",
            "revocation_endpoint": None,
            "scopes_supported": None,
            "service_documentation": None,
            "op_policy_uri": None,
        }


@case
class bool_as_text(Server):
    def asm(self):
        return {**Server.asm(self), "authorization_response_iss_parameter_supported": "true"}


@case
class samesite(Server):
    """Consent needs a cookie the browser will not send back."""

    def authorize(self, q):
        st, hd, p = Server.authorize(self, q)
        return (st, hd + [("Set-Cookie", "flow=1; Path=/; HttpOnly; SameSite=Strict")], p)


@case
class spa84123(Server):
    """A page for every unknown address."""

    def issuer(self):
        return ORIGIN + "/tenant"

    def well_known(self, path):
        if path == "/.well-known/oauth-authorization-server":
            return None
        if path == "/tenant/.well-known/openid-configuration":
            return (200, [], openid(self.asm()))
        if path.startswith("/.well-known/oauth-authorization-server/") or path.startswith(
            "/.well-known/openid-configuration/"
        ):
            return (
                200,
                [("Content-Type", "text/html")],
                "<!doctype html><html><div id=root></div></html>",
            )
        return Server.well_known(self, path)


@case
class entra_page(Server):
    """An error page instead of an answer."""

    def authorize(self, q):
        if q.get("resource") and "://" not in q.get("scope", ""):
            return (
                200,
                [("Content-Type", "text/html; charset=utf-8")],
                "<!DOCTYPE html><html><head><title>Sign in to your account</title></head><body><h1>Sign in</h1><p>Sorry, but we're having trouble signing you in.</p><p>AADSTS9010010: The resource parameter provided in the request doesn't match with the requested scopes.</p></body></html>",
            )
        return Server.authorize(self, q)


@case
class entra_back(Server):
    """The same as a redirect."""

    def authorize(self, q):
        return redirect(
            q,
            {
                "error": "invalid_target",
                "error_description": "AADSTS9010010: The resource parameter provided in the request doesn't match with the requested scopes.",
                "state": q.get("state", ""),
                "iss": ORIGIN,
            },
        )


@case
class prmstring(Server):
    """A text where a list belongs."""

    def prm(self):
        return {**Server.prm(self), "authorization_servers": ORIGIN}


@case
class asmlist(Server):
    """A text where a list belongs."""

    def asm(self):
        return {**Server.asm(self), "code_challenge_methods_supported": "S256"}


@case
class kc(Server):
    """Looks like Keycloak, policy forbids."""

    def issuer(self):
        return ORIGIN + "/realms/corp"

    def asm(self):
        return {
            **Server.asm(self),
            "registration_endpoint": ORIGIN + "/realms/corp/clients-registrations/openid-connect",
            "authorization_endpoint": ORIGIN + "/realms/corp/protocol/openid-connect/auth",
            "token_endpoint": ORIGIN + "/realms/corp/protocol/openid-connect/token",
        }

    def well_known(self, path):
        if path == "/.well-known/oauth-authorization-server":
            return None
        if path == "/realms/corp/.well-known/openid-configuration":
            return (200, [], openid(self.asm()))
        return Server.well_known(self, path)

    why = "Policy 'Trusted Hosts' rejected request to client-registration service. Details: Host not trusted."

    def extra(self, method, path, q, h, b):
        if path.startswith("/realms/corp/clients-registrations"):
            return (403, [], {"error": "insufficient_scope", "error_description": self.why})


@case
class kcscope(CASES["kc"]):
    why = "Policy 'Allowed Client Scopes' rejected request to client-registration service. Details: Not permitted to use specified clientScope"


@case
class waf49(Server):
    """The gateway turns the agent away where it brings a token."""

    def mcp(self, method, h, body):
        if "Claude-User" in h.get("User-Agent", "") or "python-httpx" in h.get("User-Agent", ""):
            return (403, [("Server", "cloudflare")], "error code: 1020")
        return Server.mcp(self, method, h, body)


@case
class noua923(Server):
    """A host that refuses requests without a User-Agent."""

    def extra(self, method, path, q, h, b):
        if not h.get("User-Agent"):
            return (403, [], "Forbidden")


@case
class cf_token(Server):
    """Bot check answers the token endpoint."""

    def extra(self, method, path, q, h, b):
        if path == "/token":
            return (
                403,
                [
                    ("Content-Type", "text/html; charset=UTF-8"),
                    ("cf-mitigated", "challenge"),
                    ("Server", "cloudflare"),
                ],
                "<!DOCTYPE html><html><head><title>Just a moment...</title></head><body></body></html>",
            )


@case
class mcp403(Server):
    """The gateway turns away what carries a token."""

    def mcp(self, method, h, body):
        return (
            (
                403,
                [("Server", "cloudflare"), ("Content-Type", "text/html")],
                "<html><title>Attention Required! | Cloudflare</title></html>",
            )
            if h.get("Authorization")
            else Server.mcp(self, method, h, body)
        )


@case
class mars203(Server):
    """Built from the inner scheme and port."""

    def inner(self):
        # Nothing listens on this port.
        return f"http://{urlsplit(ORIGIN).hostname}:9"

    def prm(self):
        return {
            **Server.prm(self),
            "resource": self.inner() + "/mcp",
            "authorization_servers": [self.inner()],
        }

    def prm_url(self):
        return self.inner() + "/.well-known/oauth-protected-resource/mcp"


@case
class mesh20(Server):
    """The documents say http, the pointer https."""

    def prm(self):
        return {
            **Server.prm(self),
            "resource": ORIGIN.replace("https", "http") + "/mcp",
            "authorization_servers": [ORIGIN.replace("https", "http")],
        }


@case
class httpas(Server):
    """Only the issuer says http."""

    def asm(self):
        return {
            k: (v.replace("https", "http") if isinstance(v, str) else v)
            for k, v in Server.asm(self).items()
        }


@case
class httpend(Server):
    """Only the endpoints say http."""

    def asm(self):
        return {
            k: (v.replace("https", "http") if k.endswith("endpoint") else v)
            for k, v in Server.asm(self).items()
        }


@case
class entra(Server):
    """The issuer is Entra; a short scope and a resource do not go together."""

    pkce = True

    def L(self):
        return f"https://login.microsoftonline.com:{urlsplit(ORIGIN).port}"

    def issuer(self):
        return self.L() + "/tid/v2.0"

    def asm(self):
        d = {
            **Server.asm(self),
            "issuer": self.issuer(),
            "authorization_endpoint": self.L() + "/tid/oauth2/v2.0/authorize",
            "token_endpoint": self.L() + "/tid/oauth2/v2.0/token",
        }
        d.pop("registration_endpoint")
        d.pop("authorization_response_iss_parameter_supported")
        if not self.pkce:
            d.pop("code_challenge_methods_supported")
        return d

    def well_known(self, path):
        if path == "/.well-known/oauth-authorization-server":
            return None
        if path == "/tid/v2.0/.well-known/openid-configuration":
            return (200, [], openid(self.asm()))
        return Server.well_known(self, path)

    def extra(self, method, path, q, h, b):
        if path == "/tid/oauth2/v2.0/authorize":
            return self.answer(q)

    def answer(self, q):
        return redirect(
            q,
            {
                "error": "invalid_target",
                "error_description": "AADSTS9010010: The resource parameter provided in the request doesn't match with the requested scopes. Trace ID: 1",
                "state": q.get("state", ""),
            },
        )


@case
class entra_pg(CASES["entra"]):
    def answer(self, q):
        return (
            200,
            [("Content-Type", "text/html; charset=utf-8")],
            "<!DOCTYPE html><html><head><title>Sign in to your account</title></head><body><h1>Sign in</h1><p>Sorry, but we're having trouble signing you in.</p><p>AADSTS9010010: The resource parameter provided in the request doesn't match with the requested scopes.</p></body></html>",
        )


@case
class entra_pg400(CASES["entra"]):
    def answer(self, q):
        return (400,) + CASES["entra_pg"].answer(self, q)[1:]


@case
class entra_scope(CASES["entra"]):
    def answer(self, q):
        return redirect(
            q,
            {
                "error": "invalid_client",
                "error_description": "AADSTS650053: The application 'x' asked for scope 'mcp.read' that doesn't exist on the resource '00000003-0000-0000-c000-000000000000'.",
                "state": q.get("state", ""),
            },
        )


@case
class entra_nopkce(CASES["entra"]):
    pkce = False


@case
class dcr401(Server):
    def register(self, b):
        return (
            401,
            [("WWW-Authenticate", 'Bearer error="invalid_token"')],
            {"error": "invalid_token", "error_description": "Initial access token required"},
        )


@case
class dcr429(Server):
    def register(self, b):
        return (
            429,
            [("Retry-After", "3600")],
            {
                "error": "too_many_requests",
                "error_description": "Too many registrations from this address",
            },
        )


@case
class dcr500(Server):
    def register(self, b):
        return (
            500,
            [("Content-Type", "text/html")],
            "<html><body>Internal Server Error</body></html>",
        )


@case
class tableau866(Server):
    """200 instead of 201, then the authorization endpoint does not know the URI."""

    def register(self, b):
        _, hd, c = Server.register(self, b)
        return (200, hd, c)

    def authorize(self, q):
        return (
            400,
            [],
            {
                "error": "invalid_request",
                "error_description": "Invalid redirect URI: " + q["redirect_uri"],
            },
        )


@case
class supa84609(Server):
    """The client that was just registered is not known (replica lag, cache)."""

    def authorize(self, q):
        return (422, [], {"message": "Unrecognized client_id"})


@case
class higgs68(Server):
    """A facade passes the issuer of the server behind it on."""

    def decide(self, q):
        st, hd, b = Server.decide(self, q)
        return (
            st,
            [
                (
                    k,
                    v.replace(
                        urlencode({"iss": ORIGIN}), urlencode({"iss": "https://clerk.example"})
                    ),
                )
                for k, v in hd
            ],
            b,
        )


@case
class snow31349(Server):
    """The issuer publishes nothing, its endpoints exist."""

    def issuer(self):
        return ORIGIN + "/oauth"

    def well_known(self, path):
        if path.startswith("/.well-known/oauth-auth"):
            return None
        return Server.well_known(self, path)
