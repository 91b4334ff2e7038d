"""The same tool in Python, as small as possible: FastMCP without authentication."""

from fastmcp import FastMCP

mcp = FastMCP("service")


@mcp.tool
def greet(name: str) -> str:
    """Greet a person by name."""
    return f"Hello, {name}!"


app = mcp.http_app(path="/mcp", stateless_http=True, json_response=True)
