"""FastMCP with its in-memory OAuth provider for tests. Arguments: the port."""

import sys

from fastmcp import FastMCP
from fastmcp.server.auth.auth import ClientRegistrationOptions, RevocationOptions
from fastmcp.server.auth.providers.in_memory import InMemoryOAuthProvider

port = int(sys.argv[1])
auth = InMemoryOAuthProvider(
    base_url=f"http://127.0.0.1:{port}",
    client_registration_options=ClientRegistrationOptions(enabled=True),
    revocation_options=RevocationOptions(enabled=True),
)
mcp = FastMCP("peer", auth=auth)


@mcp.tool
def greet(name: str) -> str:
    """Greet someone by name."""
    return f"Hello, {name}!"


@mcp.resource("peer://motto")
def motto() -> str:
    """The motto of the server."""
    return "be liberal in what you accept"


@mcp.prompt
def review() -> str:
    """Ask for a review."""
    return "Please review this."


mcp.run(transport="http", host="127.0.0.1", port=port, show_banner=False)
