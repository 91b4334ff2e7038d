"""An MCP server with its own OAuth endpoints. A case overrides one step, to break it."""

import base64
import hashlib
import html
import json
import secrets
import sys
import time
from urllib.parse import parse_qs, unquote_plus, urlencode, urlsplit

# The public URL of the server.
ORIGIN = sys.argv[3]
CASES = {}
CARD = {
    "name": "reported",
    "title": "Reported",
    "version": "1",
    "icons": [{"src": "data:image/svg+xml,<svg/>"}],
}


def case(broken):
    """Registers a server under the name of its class."""
    CASES[broken.__name__] = broken
    return broken


class Server:
    """A server without faults. Its methods return the status, the headers and the body."""

    mcp_path = "/mcp"
    lifetime = 3600
    rotate = True

    def __init__(self):
        self.clients = {}
        self.codes = {}
        self.access = {}
        self.refresh = {}

    def resource(self):
        return ORIGIN + self.mcp_path

    def issuer(self):
        return ORIGIN

    def prm(self):
        return {
            "resource": self.resource(),
            "authorization_servers": [self.issuer()],
            "scopes_supported": ["mcp:tools"],
            "bearer_methods_supported": ["header"],
        }

    def asm(self):
        return {
            "issuer": self.issuer(),
            "authorization_endpoint": ORIGIN + "/authorize",
            "token_endpoint": ORIGIN + "/token",
            "registration_endpoint": ORIGIN + "/register",
            "response_types_supported": ["code"],
            "grant_types_supported": ["authorization_code", "refresh_token"],
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": [
                "none",
                "client_secret_basic",
                "client_secret_post",
            ],
            "scopes_supported": ["mcp:tools"],
            "authorization_response_iss_parameter_supported": True,
        }

    def prm_url(self):
        return ORIGIN + "/.well-known/oauth-protected-resource" + self.mcp_path

    def challenge(self, bad):
        v = (
            f'Bearer resource_metadata="{self.prm_url()}"'
            + (', error="invalid_token"' if bad else "")
            + ', scope="mcp:tools"'
        )
        return [("WWW-Authenticate", v)]

    def unauthorized(self, r, bad):
        return (401, self.challenge(bad), {"error": "invalid_token" if bad else "unauthorized"})

    def register(self, body):
        c = {
            "client_id": f"client-{len(self.clients) + 1}",
            "client_id_issued_at": int(time.time()),
        }
        for k in (
            "redirect_uris",
            "client_name",
            "grant_types",
            "response_types",
            "token_endpoint_auth_method",
            "application_type",
        ):
            if k in body:
                c[k] = body[k]
        if c.get("token_endpoint_auth_method", "client_secret_basic") != "none":
            c["client_secret"] = secrets.token_hex(12)
            c["client_secret_expires_at"] = 0
        self.clients[c["client_id"]] = c
        return (201, [("Cache-Control", "no-store")], c)

    def page_headers(self, q):
        return [("Cache-Control", "no-store"), ("X-Frame-Options", "DENY")]

    def authorize(self, q):
        c = self.clients.get(q.get("client_id"))
        if not c:
            return (400, [], "unknown client")
        if q.get("redirect_uri") not in c["redirect_uris"]:
            return (400, [], "redirect_uri mismatch")
        fields = "".join(
            f'<input type="hidden" name="{html.escape(k)}" value="{html.escape(v)}">'
            for k, v in q.items()
        )
        p = f'<!doctype html><html><body><h1>Allow?</h1><form method="post" action="/authorize">{fields}<button name="decision" value="allow">Allow</button></form></body></html>'
        return (200, [("Content-Type", "text/html; charset=utf-8")] + self.page_headers(q), p)

    def decide(self, q):
        code = "code-" + secrets.token_hex(8)
        self.codes[code] = q
        back = {"code": code, "iss": self.issuer()}
        if "state" in q:
            back["state"] = q["state"]
        u = q["redirect_uri"]
        return (302, [("Location", u + ("&" if "?" in u else "?") + urlencode(back))], "")

    def token_answer(self, client_id, scope):
        a = "at-" + secrets.token_hex(12)
        self.access[a] = (client_id, time.time() + self.lifetime)
        rt = "rt-" + secrets.token_hex(12)
        self.refresh[rt] = (client_id, scope)
        return {
            "access_token": a,
            "token_type": "Bearer",
            "expires_in": self.lifetime,
            "refresh_token": rt,
            "scope": scope,
        }

    def client_of(self, h, f):
        a = h.get("Authorization", "")
        if a.lower().startswith("basic "):
            u, _, p = base64.b64decode(a[6:]).decode().partition(":")
            return unquote_plus(u), unquote_plus(p)
        return f.get("client_id"), f.get("client_secret")

    def token_headers(self):
        return [("Cache-Control", "no-store")]

    def oerr(self, code, e, d=""):
        return (code, self.token_headers(), {"error": e, **({"error_description": d} if d else {})})

    def token(self, h, f):
        cid, sec = self.client_of(h, f)
        c = self.clients.get(cid)
        if not c:
            return self.oerr(401, "invalid_client", "unknown client")
        if c.get("client_secret") and sec != c["client_secret"]:
            return self.oerr(401, "invalid_client", "bad secret")
        if f.get("grant_type") == "authorization_code":
            q = self.codes.pop(f.get("code"), None)
            if not q or q["client_id"] != cid or q["redirect_uri"] != f.get("redirect_uri"):
                return self.oerr(400, "invalid_grant")
            ch = (
                base64.urlsafe_b64encode(
                    hashlib.sha256(f.get("code_verifier", "").encode()).digest()
                )
                .rstrip(b"=")
                .decode()
            )
            if ch != q.get("code_challenge"):
                return self.oerr(400, "invalid_grant", "pkce")
            return (200, self.token_headers(), self.token_answer(cid, q.get("scope", "mcp:tools")))
        if f.get("grant_type") == "refresh_token":
            rt = f.get("refresh_token")
            got = self.refresh.get(rt)
            if not got or got[0] != cid:
                return self.bad_refresh()
            if self.rotate:
                self.refresh.pop(rt)
            return (200, self.token_headers(), self.refreshed_answer(cid, got[1]))
        return self.oerr(400, "unsupported_grant_type")

    def refreshed_answer(self, cid, scope):
        return self.token_answer(cid, scope)

    def bad_refresh(self):
        return self.oerr(400, "invalid_grant", "refresh token is not valid")

    def check(self, h):
        a = h.get("Authorization", "")
        if not a:
            return "none"
        t = a.split(" ", 1)[1] if " " in a else ""
        e = self.access.get(t)
        if not a.lower().startswith("bearer ") or not e or e[1] < time.time():
            return "bad"
        return "ok"

    def rpc(self, m, h):
        i = m.get("id")
        meth = m.get("method", "")
        if meth.startswith("notifications/"):
            return (202, [], "")

        def ok(r):
            return (200, [], {"jsonrpc": "2.0", "id": i, "result": r})

        if meth == "initialize":
            v = m.get("params", {}).get("protocolVersion", "2025-11-25")
            if v not in ("2025-03-26", "2025-06-18", "2025-11-25"):
                v = "2025-11-25"
            return ok(
                {
                    "protocolVersion": v,
                    "capabilities": {"tools": {}},
                    "serverInfo": CARD,
                    "instructions": "Ask who the user is.",
                }
            )
        if (
            h.get("Mcp-Protocol-Version", "").startswith("2026")
            or h.get("Mcp-Protocol-Version", "") > "2025-11-25"
        ):
            return (
                400,
                [],
                {
                    "jsonrpc": "2.0",
                    "id": i,
                    "error": {"code": -32000, "message": "Unsupported protocol version"},
                },
            )
        if meth == "tools/list":
            return ok(
                {
                    "tools": [
                        {
                            "name": "whoami",
                            "description": "Who you are",
                            "inputSchema": {"type": "object", "properties": {}},
                            "annotations": {"readOnlyHint": True},
                        }
                    ]
                }
            )
        if meth == "tools/call":
            return ok({"content": [{"type": "text", "text": "you"}]})
        if meth == "ping":
            return ok({})
        return (
            200,
            [],
            {"jsonrpc": "2.0", "id": i, "error": {"code": -32601, "message": "Method not found"}},
        )

    def mcp(self, method, h, body):
        st = self.check(h)
        if st != "ok":
            return self.unauthorized(h, st == "bad")
        if method == "DELETE":
            return (200, [], "")
        if method != "POST":
            return (405, [("Allow", "POST")], "")
        return self.rpc(json.loads(body or b"{}"), h)

    def extra(self, method, path, query, h, body):
        return None

    def well_known(self, path):
        if path in (
            "/.well-known/oauth-protected-resource",
            "/.well-known/oauth-protected-resource" + self.mcp_path,
        ):
            return (200, [], self.prm())
        if path == "/.well-known/oauth-authorization-server":
            return (200, [], self.asm())
        return None

    def route(self, method, target, h, body):
        u = urlsplit(target)
        path = u.path
        q = {k: v[0] for k, v in parse_qs(u.query, keep_blank_values=True).items()}
        r = self.extra(method, path, q, h, body)
        if r is not None:
            return r
        if method == "GET":
            w = self.well_known(path)
            if w:
                return w
        if path == "/register" and method == "POST":
            try:
                return self.register(json.loads(body))
            except json.JSONDecodeError:
                return self.oerr(400, "invalid_client_metadata")
        if path == "/authorize" and method == "GET":
            return self.authorize(q)
        if path == "/authorize" and method == "POST":
            f = {k: v[0] for k, v in parse_qs(body.decode(), keep_blank_values=True).items()}
            return self.decide(f)
        if path == "/token" and method == "POST":
            f = {k: v[0] for k, v in parse_qs(body.decode(), keep_blank_values=True).items()}
            return self.token(h, f)
        if path == self.mcp_path:
            return self.mcp(method, h, body)
        return (404, [], {"error": "not found"})
