"""A status service that gives one answer to everything."""

import contextlib
import http.server
import json
import threading
from collections.abc import Iterator, Mapping
from typing import Any


@contextlib.contextmanager
def answering(answer: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    """The environment in which commands ask it."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps(answer).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield {"STATUS_URL": f"http://127.0.0.1:{server.server_port}", "STATUS_TOKEN": "token"}
        server.shutdown()
