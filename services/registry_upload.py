"""Uploads an image to a registry as `docker save` writes it, with its layers unchanged.

Docker pushes to a registry without TLS only if its configuration names it. And `docker push` spends most of
its time on gzip, which gains nothing between containers of one machine.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import posixpath
import tarfile
from collections.abc import Iterator, Sequence
from http import HTTPStatus
from typing import IO, Any
from urllib.parse import urlsplit

from infra import patience
from infra.saved_image import BLOCK
from infra.ssh_http import SshConnection

CALL_TIMEOUT = 60  # seconds without a sign of life
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"
# By its first bytes, the type of a compressed layer, as a docker with containerd's image store has it.
COMPRESSED = {b"\x1f\x8b": f"{LAYER}+gzip", b"\x28\xb5\x2f\xfd": f"{LAYER}+zstd"}
SMALL = 1024 * 1024  # bytes; configurations and lists are far below it

Descriptor = dict[str, Any]


class RegistryError(RuntimeError):
    """The registry refused an image; the message quotes it."""


def upload(archive: IO[bytes], server: str, repository: str, login: Sequence[str] = ()) -> str:
    """Upload an image, read from what `docker save` writes, to a registry that has neither TLS nor login.

    ``login`` is the ssh command for a host that reaches the registry, if this machine does not. Returns the
    digest that the registry knows it by. Raises RegistryError, and what stream and connection may raise:
    OSError, tarfile.TarError, http.client.HTTPException.
    """
    small: dict[str, bytes] = {}
    layers: dict[str, Descriptor] = {}
    links: dict[str, str] = {}
    with _Repository(_connection(server, login), repository) as target:
        with tarfile.open(fileobj=archive, mode="r|", bufsize=BLOCK) as tar:
            for member in tar:
                if member.issym():  # a layer that occurs twice
                    links[member.name] = posixpath.normpath(
                        posixpath.join(posixpath.dirname(member.name), member.linkname)
                    )
                elif member.isreg():
                    content = tar.extractfile(member)
                    assert content
                    if member.size <= SMALL:
                        small[member.name] = content.read()
                    else:
                        layers[member.name] = target.store(content, member.size)

        def layer(name: str) -> Descriptor:
            name = links.get(name, name)
            return layers.get(name) or target.store_bytes(small[name], _layer_type(small[name]))

        (image,) = json.loads(small["manifest.json"])
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": target.store_bytes(small[image["Config"]], CONFIG),
            "layers": [layer(name) for name in image["Layers"]],
        }
        return target.publish(json.dumps(manifest).encode())


def answers(server: str, login: Sequence[str] = ()) -> bool:
    """Whether a registry is there now."""
    connection = _connection(server, login)
    try:
        connection.request("GET", "/v2/")
        return connection.getresponse().status == HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _connection(server: str, login: Sequence[str]) -> http.client.HTTPConnection:
    if not login:
        limit = patience.stretched(CALL_TIMEOUT)
        return http.client.HTTPConnection(server, timeout=limit, blocksize=BLOCK)
    line = [*login[:-1], "-W", server, login[-1]]
    return SshConnection(server, line, timeout=CALL_TIMEOUT, blocksize=BLOCK)


class _Repository:
    """One repository of a registry, over one connection."""

    def __init__(self, connection: http.client.HTTPConnection, name: str) -> None:
        self._http = connection
        self._path = f"/v2/{name}"

    def __enter__(self) -> _Repository:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def store(self, content: IO[bytes], size: int) -> Descriptor:
        """Store a layer of ``size`` bytes, which is read once."""
        upload = self._begin()
        blocks = _Hashed(content)
        answer = self._call("PATCH", upload, 202, blocks, {"Content-Length": str(size)})
        self._end(answer["Location"], blocks.digest)
        return {"mediaType": _layer_type(blocks.start), "digest": blocks.digest, "size": size}

    def store_bytes(self, content: bytes, media_type: str) -> Descriptor:
        digest = _digest(content)
        self._end(self._begin(), digest, content)
        return {"mediaType": media_type, "digest": digest, "size": len(content)}

    def publish(self, manifest: bytes) -> str:
        """Make an image of what is stored; returns its digest."""
        digest = _digest(manifest)
        self._call("PUT", f"{self._path}/manifests/{digest}", 201, manifest, {"Content-Type": MANIFEST})
        return digest

    def _begin(self) -> str:
        return str(self._call("POST", f"{self._path}/blobs/uploads/", 202)["Location"])

    def _end(self, upload: str, digest: str, content: bytes = b"") -> None:
        joint = "&" if urlsplit(upload).query else "?"
        self._call("PUT", f"{upload}{joint}digest={digest}", 201, content)

    def _call(
        self,
        method: str,
        url: str,
        expected: int,
        body: bytes | Iterator[bytes] = b"",
        headers: dict[str, str] | None = None,
    ) -> http.client.HTTPMessage:
        place = urlsplit(url)  # the registry gives whole URLs for its own paths
        path = f"{place.path}?{place.query}" if place.query else place.path
        octets = {"Content-Type": "application/octet-stream"}
        self._http.request(method, path, body, octets | (headers or {}))
        answer = self._http.getresponse()
        words = answer.read().decode(errors="replace").strip()
        if answer.status != expected:
            raise RegistryError(f"{self._http.host}: {method} {place.path}: {answer.status} {words}")
        return answer.headers


class _Hashed:
    """The blocks of a stream; their first bytes and their digest are known once they have been read."""

    def __init__(self, content: IO[bytes]) -> None:
        self._content = content
        self._hash = hashlib.sha256()
        self.start = b""

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        block = self._content.read(BLOCK)
        if not block:
            raise StopIteration
        self.start = self.start or block[:4]
        self._hash.update(block)
        return block

    @property
    def digest(self) -> str:
        return f"sha256:{self._hash.hexdigest()}"


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _layer_type(start: bytes) -> str:
    return next((kind for magic, kind in COMPRESSED.items() if start.startswith(magic)), LAYER)
