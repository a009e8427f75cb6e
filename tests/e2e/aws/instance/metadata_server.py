#!/usr/bin/env python3
"""Stands for EC2's metadata service, version 2 only: files of a folder, for those who bring a token."""

import http.server
import pathlib

FOLDER = pathlib.Path("/var/lib/metadata")
TOKEN = "metadata-token"


class Handler(http.server.BaseHTTPRequestHandler):
    def do_PUT(self) -> None:
        self.answer(200 if self.path == "/latest/api/token" else 404, TOKEN)

    def do_GET(self) -> None:
        file = FOLDER / self.path.removeprefix("/latest/meta-data/")
        if self.headers.get("X-aws-ec2-metadata-token") != TOKEN:
            self.answer(401, "")
        elif self.path.startswith("/latest/meta-data/") and file.is_dir():
            self.answer(200, "\n".join(sorted(entry.name for entry in file.iterdir())))
        elif self.path.startswith("/latest/meta-data/") and file.is_file():
            self.answer(200, file.read_text())
        else:
            self.answer(404, "")

    def answer(self, status: int, text: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())


http.server.ThreadingHTTPServer(("169.254.169.254", 80), Handler).serve_forever()
