"""A local MCP server with one deliberate fault.

The first argument is the fault, or "healthy".
"""

import json
import os
import subprocess
import sys
import threading

FAULT = sys.argv[1]
NEWEST = "2026-07-28"
OLDER = ["2025-11-25", "2025-06-18", "2025-03-26"]
INFO = {
    "name": "demo",
    "title": "Demo",
    "version": "1.0.0",
    "icons": [{"src": "data:image/svg+xml,<svg/>"}],
}
CAPABILITIES = {"tools": {}, "resources": {}, "prompts": {}}
TOOLS = [
    {
        "name": name,
        "title": name.title(),
        "description": f"Returns the {name} of the text that the user selected last.",
        "inputSchema": {"type": "object", "properties": {}},
        "annotations": {"readOnlyHint": True, "destructiveHint": False, "openWorldHint": False},
    }
    for name in ["length", "language"]
]


def write(message):
    if FAULT == "string-id" and "id" in message:
        message["id"] = str(message["id"])
    indent = 2 if FAULT == "line-breaks" else None
    text = json.dumps(message, indent=indent)
    if FAULT == "headers":
        sys.stdout.write(f"Content-Length: {len(text)}\r\n\r\n{text}")
    else:
        sys.stdout.write(text + "\n")
    sys.stdout.flush()


def page(params, key, items):
    """One item on each page."""
    start = int(params.get("cursor", 0))
    result = {key: items[start : start + 1]}
    if start + 1 < len(items):
        result["nextCursor"] = str(start + 1)
    return result


def answer(method, params):
    meta = params.get("_meta", {})
    version = meta.get("io.modelcontextprotocol/protocolVersion")
    has_newest = FAULT not in ("old", "silent-discover", "exits-on-discover")
    if method == "server/discover" and has_newest:
        if version != NEWEST:
            data = {"supported": [NEWEST], "requested": version}
            raise Refused(-32022, "Unsupported protocol version", data)
        return {
            "supportedVersions": [NEWEST],
            "capabilities": CAPABILITIES,
            "instructions": "Texts.",
            "_meta": {"io.modelcontextprotocol/serverInfo": INFO},
        }
    if method == "initialize":
        asked = params["protocolVersion"]
        return {
            "protocolVersion": asked if asked in OLDER else OLDER[0],
            "capabilities": CAPABILITIES,
            "serverInfo": INFO,
            "instructions": "Texts.",
        }
    if method == "tools/list":
        return page(params, "tools", TOOLS)
    if method == "tools/call":
        if FAULT == "prints-in-call":
            print("called", params["name"])
        if FAULT == "dies-in-call":
            sys.exit("Error: out of memory")
        if FAULT == "prints-secret":
            secret = os.environ["DEMO_SECRET_KEY"]
            print("invalid key", secret, file=sys.stderr)
            # The report cuts this text within the secret.
            raise Refused(-32603, "x" * 200 + " invalid key " + secret, None)
        return {"content": [{"type": "text", "text": "42"}]}
    if method == "resources/list":
        return page(params, "resources", [{"uri": "demo://text", "name": "text"}])
    if method == "resources/templates/list" and FAULT == "templates":
        raise Refused(-32603, "Internal error", None)
    if method == "resources/templates/list" and FAULT != "no-templates":
        return page(params, "resourceTemplates", [{"uriTemplate": "demo://{id}", "name": "any"}])
    if method == "resources/read":
        return {"contents": [{"uri": params["uri"], "text": "hello"}]}
    if method == "prompts/list":
        return page(params, "prompts", [{"name": "greet"}])
    if method == "prompts/get":
        content = {"type": "text", "text": "Say hello."}
        return {"messages": [{"role": "user", "content": content}]}
    raise Refused(-32601, "Method not found", None)


class Refused(Exception):
    pass


def serve():
    if FAULT == "variable" and "DEMO_API_KEY" not in os.environ:
        sys.exit("Error: the environment variable DEMO_API_KEY is not set")
    if FAULT == "exit":
        sys.exit("Error: cannot find the file notes.db")
    if FAULT == "banner":
        print("Demo server running on stdio")
    if FAULT == "json-log":
        print('{"level":30,"msg":"listening"}')
    if FAULT in ("child", "leaves-child"):
        streams = subprocess.DEVNULL if FAULT == "leaves-child" else None
        child = subprocess.Popen(["sleep", "1000"], stdout=streams, stderr=streams)
        with open(sys.argv[2], "w") as file:
            file.write(str(child.pid))
    for line in sys.stdin:
        message = json.loads(line)
        if FAULT in ("silent", "child") or "id" not in message:
            continue
        method = message["method"]
        if method == "server/discover" and FAULT == "silent-discover":
            continue
        if method == "server/discover" and FAULT == "exits-on-discover":
            sys.exit("Error: server/discover before initialize")
        reply = {"jsonrpc": "2.0", "id": message["id"]}
        try:
            reply["result"] = answer(method, message.get("params", {}))
        except Refused as error:
            code, text, data = error.args
            reply["error"] = {"code": code, "message": text, "data": data}
        write(reply)
    if FAULT == "stays":
        threading.Event().wait()
    if FAULT == "crashes-at-end":
        sys.exit("Error: cannot save the state")


serve()
