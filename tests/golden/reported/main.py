"""Runs one case. Arguments: the port, the name of the case, and the public URL of the server."""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import cases  # noqa: F401  registers all cases
from server import CASES

SERVER = CASES[sys.argv[2]]()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        status, headers, content = SERVER.route(self.command, self.path, self.headers, body)
        is_json = isinstance(content, (dict, list))
        data = (json.dumps(content) if is_json else content).encode()
        self.send_response(status)
        if data and "content-type" not in [name.lower() for name, _ in headers]:
            kind = "application/json" if is_json else "text/plain; charset=utf-8"
            self.send_header("Content-Type", kind)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    do_GET = do_POST = do_PUT = do_DELETE = do_OPTIONS = do_HEAD = answer


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
