"""Cleaning up in a container of the cluster, with OODT's own catalogue."""

import json
from typing import Any

from testing import oodt as containers
from testing.oodt import HOME, METADATA, Oodt, docker, products, run_to_end

CLEAN = ("python", "-m", "runtime.clean", "products", "jobs", "--json")


def clean(oodt: Oodt, *arguments: str) -> dict[str, Any]:
    result: dict[str, Any] = json.loads(oodt.wmgr.run(*CLEAN, *arguments))
    return result


def test_products_leave_archive_and_catalogue_together(oodt: Oodt, run: str) -> None:
    run_to_end(oodt.wmgr, "test-workflow", run, **METADATA)
    filemgr = oodt.filemgr.server(9000)
    archived = ("find", f"{HOME}/archive", "-name", f"*{run}*")

    planned = clean(oodt)
    assert planned["done"] is False
    assert planned["products"]["files"] >= 2 and planned["products"]["catalogue"] >= 2
    assert len(products(filemgr, "JobKey", run)) == 2
    assert len(oodt.wmgr.run(*archived).split()) == 2

    young = clean(oodt, "--older-than", "1h", "--yes")
    assert young["products"] == {"files": 0, "bytes": 0, "catalogue": 0}

    done = clean(oodt, "--yes")
    assert done["products"] == planned["products"] and done["jobs"]["entries"] >= 1
    assert products(filemgr, "JobKey", run) == []
    assert oodt.wmgr.run(*archived) == ""
    assert clean(oodt)["products"]["catalogue"] == 0


def test_the_program_of_all_commands_is_in_the_image(oodt: Oodt) -> None:
    planned = json.loads(oodt.wmgr.run("oodt", "clean", "jobs", "--json"))
    assert planned["done"] is False
    assert "usage: oodt submit" in oodt.wmgr.run("oodt", "submit", "--help")


def test_products_of_another_policy_leave_archive_and_catalogue_together(oodt: Oodt, run: str) -> None:
    file = f"{HOME}/archive/test-workflow/{run}"
    oodt.wmgr.run("touch", file, user="oodt")
    # Of a type that the File Manager does not know, and with a path as OODT's DateTimeVersioner writes it.
    path = file.replace("/test-workflow/", "/test-workflow//")
    catalogue_product(oodt, run, type_id="urn:other", path=path)
    assert catalogued(oodt, run) == [("urn:other", [file])]

    assert clean(oodt, "--yes")["products"]["catalogue"] >= 1
    assert catalogued(oodt, run) == []
    assert "No such file" in oodt.wmgr.run("ls", file, check=False)


def catalogue_product(oodt: Oodt, name: str, *, type_id: str, path: str) -> None:
    """Add a product to the catalogue as OODT's client does, of any type."""
    filemgr: Any = oodt.filemgr.server(9000).filemgr
    product: dict[str, Any] = {"name": name, "structure": "Flat", "transferStatus": "TRANSFERING"}
    product |= {"type": {"id": type_id}, "references": []}
    product["id"] = filemgr.catalogProduct(product)
    reference = {"origReference": "file:/nowhere", "dataStoreReference": f"file:{path}", "fileSize": "0"}
    product["references"] = [{**reference, "mimeType": "text/plain"}]
    filemgr.addProductReferences(product)
    filemgr.setProductTransferStatus({**product, "transferStatus": "RECEIVED"})


def catalogued(oodt: Oodt, name: str) -> list[tuple[str, list[str]]]:
    """Type and files of the products of this name."""
    address = docker("port", oodt.filemgr.name, "9000").stdout.splitlines()[0]
    products = containers.catalogued(f"http://{address}")
    return [(product["type"]["id"], files) for product, files in products if product["name"] == name]
