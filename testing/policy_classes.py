"""Lists the classes in OODT's jars that a policy may name: python -m testing.policy_classes FOLDER

FOLDER is OODT_HOME of the image (`docker cp`), and what is printed is runtime/policy/classes.txt.
"""

import struct
import sys
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

# What each kind of class has to extend or implement.
KINDS = {
    "task": "org.apache.oodt.cas.workflow.structs.WorkflowTaskInstance",
    "PGE task": "org.apache.oodt.cas.pge.PGETaskInstance",
    "condition": "org.apache.oodt.cas.workflow.structs.WorkflowConditionInstance",
    "versioner": "org.apache.oodt.cas.filemgr.versioning.Versioner",
    "metadata extractor": "org.apache.oodt.cas.filemgr.metadata.extractors.FilemgrMetExtractor",
    "type handler": "org.apache.oodt.cas.filemgr.structs.type.TypeHandler",
    "metadata file writer": "org.apache.oodt.cas.pge.writers.PcsMetFileWriter",
    "configuration file writer": "org.apache.oodt.cas.pge.writers.SciPgeConfigFileWriter",
    "property adder": "org.apache.oodt.cas.pge.ConfigFilePropertyAdder",
    "data transfer factory": "org.apache.oodt.cas.filemgr.datatransfer.DataTransferFactory",
}
ABSTRACT_OR_INTERFACE = 0x0400 | 0x0200
# Bytes that follow the tag of each kind of constant but texts.
SIZES = {
    3: 4,
    4: 4,
    5: 8,
    6: 8,
    7: 2,
    8: 2,
    9: 4,
    10: 4,
    11: 4,
    12: 4,
    15: 3,
    16: 2,
    17: 4,
    18: 4,
    19: 2,
    20: 2,
}


def lines(home: Path) -> list[str]:
    """`KIND: CLASS`, sorted, for all classes of these kinds that OODT can make objects of."""
    parents: dict[str, list[str]] = {}
    usable: set[str] = set()
    for name, above, concrete in _classes(sorted(home.rglob("*.jar"))):
        if name not in parents:  # the first on the class path is the one that counts
            parents[name] = above
            if concrete:
                usable.add(name)

    def ancestors(name: str) -> Iterator[str]:
        yield name
        for above in parents.get(name, []):
            yield from ancestors(above)

    found = {
        f"{kind}: {name}" for name in usable for kind, base in KINDS.items() if base in set(ancestors(name))
    }
    return sorted(found)


def _classes(jars: Iterable[Path]) -> Iterator[tuple[str, list[str], bool]]:
    for jar in jars:
        with zipfile.ZipFile(jar) as archive:
            for entry in archive.namelist():
                if entry.endswith(".class") and entry.startswith(("org/apache/oodt/", "oodt/")):
                    yield _class(archive.read(entry))


def _class(content: bytes) -> tuple[str, list[str], bool]:
    """Name, superclass with interfaces, and whether it can have objects (JVM specification, chapter 4)."""
    texts: dict[int, str] = {}
    names: dict[int, int] = {}
    (count,) = struct.unpack_from(">H", content, 8)
    position, index = 10, 1
    while index < count:
        tag = content[position]
        if tag == 1:
            (length,) = struct.unpack_from(">H", content, position + 1)
            texts[index] = content[position + 3 : position + 3 + length].decode("utf-8", "replace")
            position += 3 + length
        else:
            if tag == 7:
                (names[index],) = struct.unpack_from(">H", content, position + 1)
            position += 1 + SIZES[tag]
        index += 2 if tag in (5, 6) else 1  # long and double take two places

    def name(number: int) -> str:
        return texts[names[number]].replace("/", ".")

    access, this, above, interfaces = struct.unpack_from(">HHHH", content, position)
    implemented = struct.unpack_from(f">{interfaces}H", content, position + 8)
    return name(this), [name(each) for each in (above, *implemented)], not access & ABSTRACT_OR_INTERFACE


if __name__ == "__main__":
    print("\n".join(lines(Path(sys.argv[1]))))
