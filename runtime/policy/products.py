"""Rules for product types, elements and the map between them, as OODT's File Manager reads them."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from runtime.policy import spelling
from runtime.policy.classes import Classes
from runtime.policy.definitions import by_id, named
from runtime.policy.documents import Element
from runtime.policy.files import Files
from runtime.policy.findings import Report
from runtime.policy.places import ARCHIVE, Places
from runtime.policy.workflows import environment, properties

FILES = ("product-types.xml", "elements.xml", "product-type-element-map.xml")

# OODT's own policy, which the File Manager reads too: its elements by id, and its type, which has them all.
OODT_ELEMENTS = {
    "urn:oodt:ProductId": "CAS.ProductId",
    "urn:oodt:ProductName": "CAS.ProductName",
    "urn:oodt:ProductReceivedTime": "CAS.ProductReceivedTime",
    "urn:oodt:Filename": "Filename",
    "urn:oodt:FileLocation": "FileLocation",
    "urn:oodt:ProductType": "ProductType",
    "urn:oodt:ProductStructure": "ProductStructure",
    "urn:oodt:MimeType": "MimeType",
    "urn:test:DataVersion": "DataVersion",
}
OODT_TYPE = "urn:oodt:GenericFile"
# What OODT itself sets for every product; a catalogue that does without them is no mistake.
OODT_OWN = {
    "ProductType",
    "ProductName",
    "ProductStructure",
    "Filename",
    "FileLocation",
    "FileSize",
    "MimeType",
}


@dataclass(kw_only=True)
class Products:
    """Product types by name, and for each the metadata that reach the catalogue."""

    catalogued: dict[str, set[str]] = field(default_factory=dict)


def read(
    policies: Sequence[Places], files: Files, classes: Mapping[str, Classes], report: Report
) -> Products:
    """Read the product types of all policies of one File Manager, and report what is wrong with them."""
    types: list[Element] = []
    elements: list[Element] = []
    entries: list[Element] = []
    owners: dict[Element, Places] = {}
    anywhere = any((each.policy / FILES[0]).is_file() for each in policies)
    for places in policies:
        known = (spelling.TYPES, spelling.ELEMENTS, spelling.ELEMENT_MAP)
        for name, spelled, into, tag in zip(
            FILES, known, (types, elements, entries), ("type", "element", "type"), strict=True
        ):
            file = places.policy / name
            if file.is_file():
                root = files.read(file, spelled)
                found = root.all(tag) if root else []
                into.extend(found)
                owners.update(dict.fromkeys(found, places))
            elif not anywhere or (places.policy / FILES[0]).is_file():
                report.error(file, "this file is missing", "make it, if only with an empty root element")
    names = OODT_ELEMENTS | {key: each["name"] for key, each in by_id(elements, report).items()}
    mapped = by_id(entries, report)
    by_type = by_id(types, report)
    for element in elements:
        if element["id"] and not element["name"]:
            report.error(
                element, f"element {element['id']} has no name", "give it name=, the key of the metadata"
            )
        _described(element, f"element {element['id']}", report)
    for entry in mapped.values():
        _entry(entry, names, mapped, by_type, report)
    by_id(by_type.values(), report, key="name")
    products = Products()
    for type_ in by_type.values():
        places = owners[type_]
        _type(type_, places, classes[places.name], report)
        if type_["id"] not in mapped and type_["id"] != OODT_TYPE:
            # The tutorial's own is one: its jobs succeed, and their products are in the archive.
            report.warn(
                type_,
                f"product type {type_['id']} has no entry in {FILES[2]}: the catalogue gets no metadata",
                f'add <type id="{type_["id"]}"> with its elements there',
            )
        products.catalogued[type_["name"]] = _catalogued(type_["id"], names, mapped)
    return products


def _entry(
    entry: Element,
    names: dict[str, str],
    mapped: dict[str, Element],
    types: dict[str, Element],
    report: Report,
) -> None:
    parents = {each["parent"] for each in mapped.values()}
    if entry["id"] not in {*types, *parents, OODT_TYPE}:
        known = ", ".join(sorted(types)) or "none"
        report.warn(
            entry, f"no product type has the id {entry['id']}", f"use one that {FILES[0]} has: {known}"
        )
    if entry["parent"] and entry["parent"] not in {*mapped, OODT_TYPE}:
        report.error(
            entry,
            f"parent {entry['parent']} has no entry, so nothing comes from it",
            f"give it one, or use {OODT_TYPE}, which OODT defines",
        )
    for each in entry.all("element"):
        named(each, names, "elements.xml", "its metadata do not reach the catalogue", report)


def _type(type_: Element, places: Places, classes: Classes, report: Report) -> None:
    name = type_["name"]
    _described(type_, f"product type {name}", report)
    for tag in ("repository", "versioner"):
        if not type_.first(tag):
            report.error(
                type_, f"product type {name} has no <{tag}>: the File Manager does not start", f"add <{tag}>"
            )
    repository, versioner = type_.first("repository"), type_.first("versioner")
    if repository:
        _repository(repository, places, report)
    if versioner:
        classes.check(versioner, "class", versioner["class"], "versioner")
    for each in type_.within("metExtractors", "extractor"):
        classes.check(each, "class", each["class"], "metadata extractor")
        properties(each, places, report)
    for each in type_.within("typeHandlers", "typeHandler"):
        classes.check(each, "class", each["class"], "type handler")


def _described(element: Element, what: str, report: Report) -> None:
    if not element.first("description"):
        problem = f"{what} has no <description>: the File Manager does not start"
        report.error(element, problem, "add <description>, if only an empty one")


def _repository(repository: Element, places: Places, report: Report) -> None:
    address = environment(repository, "the repository", repository["path"], places, report)
    if address is None:
        return
    fix = f'write path="file://[OODT_ARCHIVE]/{places.name}"'
    if not address.startswith(("file:///", "file:/")) or address.startswith("file://") != address.startswith(
        "file:///"
    ):
        report.error(
            repository, f"the repository {address} is no file:///... address: no product is taken", fix
        )
        return
    path = posixpath.normpath("/" + address.removeprefix("file:").lstrip("/"))
    if path != ARCHIVE and not path.startswith(f"{ARCHIVE}/"):
        report.error(
            repository,
            f"the repository {path} is outside the archive ({ARCHIVE}): products are lost there",
            fix,
        )


def _catalogued(id_: str, names: dict[str, str], mapped: dict[str, Element]) -> set[str]:
    """The metadata of a type that reach the catalogue, those of its parents included."""
    found: set[str] = set()
    seen: set[str] = set()
    while id_ and id_ not in seen:
        seen.add(id_)
        if id_ == OODT_TYPE:
            found.update(OODT_ELEMENTS.values())
        entry = mapped.get(id_)
        found.update(
            names[each["id"]] for each in (entry.all("element") if entry else []) if each["id"] in names
        )
        id_ = entry["parent"] if entry else ""
    return found
