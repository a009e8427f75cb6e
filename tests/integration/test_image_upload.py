"""Images on their way from the user's docker into a real registry."""

import gzip
import hashlib
import io
import json
import os
import tarfile
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from infra.saved_image import ImageCopyError, copy, saved
from services.image_copies import RegistryProvider, pull
from services.registry_upload import SMALL, RegistryError, upload
from testing import images
from testing.oodt import Container, docker
from testing.ports import free_port

SECONDS = 60


@pytest.fixture
def image(docker_daemon: None, tmp_path: Path) -> Iterator[str]:
    """The id of an image with a large layer, a small one, and one that is the same as another."""
    (tmp_path / "large").write_bytes(os.urandom(SMALL + 1))
    (tmp_path / "small").write_text("small")
    (tmp_path / "Dockerfile").write_text(
        "FROM scratch\nCOPY large /\nCOPY small /a/\nCOPY small /b/\nCOPY small /a/\n"
    )
    tag = f"oodt-test-upload-{uuid.uuid4().hex[:8]}"
    docker("build", "--quiet", "--tag", tag, str(tmp_path))
    yield docker("inspect", "--format", "{{.Id}}", tag).stdout.strip()
    docker("rmi", "--force", tag)


def test_an_image_comes_out_of_the_registry_as_it_was(image: str, registry_address: str) -> None:
    with saved(image, timeout=SECONDS) as archive:
        digest = upload(archive, registry_address, "as-it-was")
    kept = docker("inspect", "--format", "{{index .RepoTags 0}}", image).stdout.strip()
    docker("rmi", kept)
    reference = f"{registry_address}/as-it-was@{digest}"
    docker("pull", reference)
    assert docker("inspect", "--format", "{{.Id}}", reference).stdout.strip() == image
    docker("tag", reference, kept)
    docker("rmi", reference)


def test_an_image_has_the_same_digest_each_time(image: str, registry_address: str) -> None:
    digests = set()
    for _ in range(2):
        with saved(image, timeout=SECONDS) as archive:
            digests.add(upload(archive, registry_address, "same"))
    assert len(digests) == 1


def test_a_layer_that_docker_keeps_compressed_stays_so(registry_address: str) -> None:
    """The archive is like that of a docker that keeps its images in containerd."""
    layer = tar({"file": uuid.uuid4().bytes})
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"]},
    }
    blobs = {blob(content): content for content in (gzip.compress(layer), json.dumps(config).encode())}
    packed, configuration = blobs
    manifest = [{"Config": configuration, "RepoTags": None, "Layers": [packed]}]
    archive = tar(blobs | {"manifest.json": json.dumps(manifest).encode()})
    digest = upload(io.BytesIO(archive), registry_address, "compressed")
    reference = f"{registry_address}/compressed@{digest}"
    docker("pull", reference)
    assert docker("inspect", "--format", "{{.Id}}", reference).stdout.strip().endswith(configuration[-64:])
    docker("rmi", reference)


def test_a_registry_that_takes_no_image_is_quoted(image: str, registry_address: str) -> None:
    with (
        pytest.raises(RegistryError, match=r"POST /v2/NO/blobs/uploads/: 40\d"),
        saved(image, timeout=SECONDS) as archive,
    ):
        upload(archive, registry_address, "NO")


def test_an_upload_waits_for_a_registry_that_is_still_starting(image: str) -> None:
    port, name = free_port(), f"oodt-test-late-{uuid.uuid4().hex[:8]}"
    docker("create", "--name", name, "--publish", f"127.0.0.1:{port}:5000", images.build("registry"))
    props = {"name": "late", "image": image, "place": f"localhost:{port}"}
    try:
        with ThreadPoolExecutor() as pool:
            reference = pool.submit(RegistryProvider().copy, props)
            docker("start", name)
            assert reference.result(SECONDS).startswith(f"localhost:{port}/late@sha256:")
    finally:
        docker("rm", "--force", "--volumes", name)


def test_a_worker_that_does_not_get_an_image_is_named(registry: Container) -> None:
    with pytest.raises(ImageCopyError, match=f"docker pull of nothing in container {registry.name[:12]}"):
        pull("nothing", registry.name)


def test_an_image_that_docker_has_not_is_named(docker_daemon: None) -> None:
    with (
        pytest.raises(ImageCopyError, match=r"docker save oodt-test-nothing: .*No such image"),
        saved("oodt-test-nothing", timeout=SECONDS) as archive,
    ):
        upload(archive, "localhost:1", "nothing")


def test_a_docker_that_does_not_load_an_image_is_quoted(image: str) -> None:
    with pytest.raises(ImageCopyError, match=f"docker load of {image}: no room"):
        copy(image, ["sh", "-c", "cat >/dev/null; echo no room >&2; exit 1", "sh"])


def test_a_docker_that_is_too_slow_is_stopped(image: str) -> None:
    with pytest.raises(ImageCopyError, match="not done within 0 s"), saved(image, timeout=0) as archive:
        archive.read()


def tar(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as written:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            written.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def blob(content: bytes) -> str:
    return f"blobs/sha256/{hashlib.sha256(content).hexdigest()}"
