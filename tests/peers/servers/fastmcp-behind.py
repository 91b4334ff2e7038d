"""FastMCP as a resource server only. Arguments: the port, and the issuer of its tokens."""

import sys

from fastmcp import FastMCP
from fastmcp.server.auth import JWTVerifier, RemoteAuthProvider

port, issuer = int(sys.argv[1]), sys.argv[2]
base = f"http://127.0.0.1:{port}"
verifier = JWTVerifier(
    jwks_uri=f"{issuer}/jwks",
    issuer=issuer,
    audience=f"{base}/mcp",
    algorithm="RS256",
    required_scopes=["mcp:tools"],
)
auth = RemoteAuthProvider(
    token_verifier=verifier, authorization_servers=[issuer], base_url=base
)
mcp = FastMCP("peer", auth=auth)


@mcp.tool
def greet(name: str) -> str:
    """Greet someone by name."""
    return f"Hello, {name}!"


mcp.run(transport="http", host="127.0.0.1", port=port, show_banner=False)
