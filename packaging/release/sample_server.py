"""A small MCP server without sign-in, for tests of the packaged `mcpo probe`."""

import http.server
import json
import threading
from contextlib import contextmanager

TOOL = {
    "name": "add",
    "title": "Add",
    "description": "Adds two numbers and returns their sum as text.",
    "inputSchema": {"type": "object", "properties": {"a": {"type": "number"}, "b": {"type": "number"}}},
    "annotations": {"readOnlyHint": True, "destructiveHint": False, "openWorldHint": False},
}
VERSIONS = ["2025-11-25", "2025-06-18", "2025-03-26"]


def result_of(method, parameters):
    if method == "initialize":
        wanted = parameters.get("protocolVersion")
        return {
            "protocolVersion": wanted if wanted in VERSIONS else VERSIONS[0],
            "capabilities": {"tools": {}},
            "serverInfo": {"name": "sample", "title": "Sample", "version": "1.0.0"},
        }
    if method == "tools/list":
        return {"tools": [TOOL]}
    if method == "tools/call":
        return {"content": [{"type": "text", "text": "0"}]}
    return {} if method == "ping" else None


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path != "/mcp":
            return self.reply(404)
        try:
            message = json.loads(body)
        except ValueError:
            error = {"code": -32700, "message": "not JSON"}
            return self.reply(400, {"jsonrpc": "2.0", "id": None, "error": error})
        if "id" not in message:
            return self.reply(202)
        answer = {"jsonrpc": "2.0", "id": message["id"]}
        result = result_of(message.get("method"), message.get("params") or {})
        if result is None:
            answer["error"] = {"code": -32601, "message": "unknown method"}
        else:
            answer["result"] = result
        return self.reply(200, answer)

    def do_GET(self):
        self.reply(405 if self.path == "/mcp" else 404)

    do_DELETE = do_GET

    def reply(self, status, value=None):
        body = b"" if value is None else json.dumps(value).encode()
        self.send_response(status)
        if status == 405:
            self.send_header("Allow", "POST")
        if body:
            self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@contextmanager
def running():
    """Serves on a free port of this machine. Yields the URL."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/mcp"
    finally:
        server.shutdown()
