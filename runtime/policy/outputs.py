"""Rules for <files>: which files of a PGE task are products, and how their metadata are made."""

from __future__ import annotations

import re

from runtime.policy import expressions
from runtime.policy.classes import Classes
from runtime.policy.documents import Element
from runtime.policy.findings import Report
from runtime.policy.placeholders import UNKNOWN
from runtime.policy.products import OODT_OWN, Products
from runtime.policy.texts import Texts

LIST_WRITER = "MetadataListPcsMetFileWriter"
# OODT adds these to the metadata before it asks for those of a file.
OF_FILE = ("Filename", "FileLocation", "FileSize", "PGETask_Runtime")


def check(files: Element, texts: Texts, classes: Classes, report: Report) -> list[str]:
    """Check one <files>, and return the arguments of its writer of metadata files."""
    _expression(files, texts, report)
    for each in files.all("renamingConv"):
        if not each.is_false("envReplace"):
            texts.fill(each, "namingExpr", each["namingExpr"])
    writer = texts.fill(files, "metFileWriterClass", files["metFileWriterClass"])
    if writer is not None and UNKNOWN not in writer:
        classes.check(files, "metFileWriterClass", writer, "metadata file writer")
    arguments = texts.fill(files, "args", files["args"])
    if arguments == "" and writer and writer.endswith(LIST_WRITER):
        report.error(
            files, "args is empty: the products get no metadata", "name a list of metadata in pge-configs"
        )
    return [
        each
        for each in (arguments or "").split(",")
        if each.startswith("/") or (writer or "").endswith(LIST_WRITER)
    ]


def _expression(files: Element, texts: Texts, report: Report) -> None:
    expression = files["regExp"]
    if not expression:
        if not files["name"]:
            report.error(files, "<files> has neither regExp nor name, so no file matches", "give it regExp=")
        texts.fill(files, "name", files["name"])
        return
    for name in re.findall(r"\[(\w{2,})\]", expression):
        if name in texts.known:
            report.error(
                files,
                f"regExp is {expression}, which OODT does not fill in: [{name}] is one of its letters",
                "use name= in place of regExp=, or .*",
            )
    reason, certain = expressions.problem(expression)
    if reason:
        fix = "write a regular expression in Java's syntax, such as .*\\.nc"
        report.add("error" if certain else "warning", files, f"regExp is {expression}: {reason}", fix)


def check_list(root: Element, texts: Texts, report: Report) -> None:
    """The placeholders of a list of metadata. Each sees those before it."""
    texts = Texts(dict(texts.known) | dict.fromkeys(OF_FILE), report, is_complete=texts.is_complete)
    for each in root.all("metadata"):
        value = each["val"] or each.content()
        if not each["key"] and not each["key-gen"]:
            report.error(each, "<metadata> has neither key nor key-gen", "give it key=")
        if value and not each.is_false("envReplace"):
            texts.fill(each, f"metadata {each['key']}", value)
        texts.known.setdefault(each["key"], None)


def check_types(root: Element, texts: Texts, products: Products, report: Report) -> None:
    """A list of metadata against the product type that it names."""
    listed = {each["key"]: each for each in root.all("metadata")}
    named = listed.get("ProductType")
    if named is None:
        if "ProductType" not in texts.known and texts.is_complete:
            report.warn(
                root,
                "no ProductType: a product without one is not taken",
                'add <metadata key="ProductType" val="..."/>',
            )
        return
    type_ = texts.fill(named, "metadata ProductType", named["val"] or named.content())
    if not type_ or UNKNOWN in type_:
        return
    if type_ not in products.catalogued:
        known = ", ".join(sorted(products.catalogued)) or "none"
        report.error(
            named, f"ProductType is {type_}, and no product type has this name", f"use one of: {known}"
        )
        return
    lost = [key for key in listed if key and key not in products.catalogued[type_] | OODT_OWN]
    if lost:
        report.warn(
            root,
            f"the catalogue does not keep {', '.join(lost)}: the element map of {type_} lacks them",
            "add their elements to product-type-element-map.xml",
        )
