"""Cleaning up in a container of the cluster, with OODT's own catalogue."""

import json
from typing import Any

from tests.integration.oodt import HOME, METADATA, Oodt, products, run_to_end

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
