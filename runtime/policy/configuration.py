"""Rules for the configuration files of a PGE task, with what these import."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from runtime.policy import commands, outputs, spelling
from runtime.policy.around import Around
from runtime.policy.documents import Element
from runtime.policy.paths import Paths
from runtime.policy.placeholders import UNKNOWN, Known
from runtime.policy.places import Places
from runtime.policy.texts import Texts


class Configuration:
    """What the files of one task say; ``left`` are keys that the task leaves to those after it."""

    def __init__(
        self,
        settings: Mapping[str, str | None],
        given: Collection[str],
        places: Places,
        around: Around,
        *,
        is_complete: bool,
    ) -> None:
        """``settings`` are the task's properties, ``given`` the keys of a job's metadata when it begins.

        ``is_complete``: a job has no other metadata, unless it is sent with them.
        """
        self._settings, self._given = settings, dict.fromkeys(given)
        self._places, self._around, self._is_complete = places, around, is_complete
        self._report, self._classes = around.report, around.classes[places.name]
        self._paths = Paths(around.folders, places, around.report)
        self._custom: dict[str, str | None] = {}
        self._lists: dict[Path, Element] = {}
        self.has_program = self.has_outputs = False
        self.left: set[str] = set()

    def read(self, file: Path) -> bool:
        """Read the task's file and check it; whether it could be read."""
        return self._read(file, "", (file,))

    def check_lists(self, *, is_complete: bool) -> None:
        """Check the lists of products' metadata, which see all that the files define."""
        for root in self._lists.values():
            texts = Texts(self.known(), self._report, is_complete=self._is_complete and is_complete)
            outputs.check_list(root, texts, self._report)
            outputs.check_types(root, texts, self._around.products, self._report)

    def known(self, own: Known | None = None) -> dict[str, str | None]:
        """What placeholders see, in a file that defines OWN. Of several with one key the last counts."""
        return {**self._places.variables, **self._custom, **(own or {}), **self._given, **self._settings}

    def texts(self, own: Known | None = None, later: Collection[str] = ()) -> Texts:
        return Texts(self.known(own), self._report, is_complete=self._is_complete, later=later)

    def _read(self, file: Path, namespace: str, above: tuple[Path, ...]) -> bool:
        root = self._around.files.read(file, spelling.PGE_CONFIG)
        if root is None:
            return False
        for each in root.all("import"):
            inner = self.texts().fill(each, "namespace", each["namespace"]) or ""
            imported = self._imported(each, file)
            if imported in above:
                problem = f"{each['file']} is imported while it is read: the task fails"
                self._report.error(each, problem, "remove the import")
            elif imported:
                self._read(imported, inner, (*above, imported))
        own = self._metadata(root)
        self._program(root, self.texts(own))
        self._outputs(root, self.texts(own))
        prefix = f"{namespace}:" if namespace else ""
        self._custom |= {prefix + key: value for key, value in own.items()}
        return True

    def _imported(self, element: Element, file: Path) -> Path | None:
        path = self.texts().fill(element, "file", element["file"])
        if path is None or UNKNOWN in path:
            return None
        if path.startswith("/"):
            return self._paths.file(element, "the imported file", path)
        imported = (file.parent / path).resolve()
        if imported.is_file():
            return imported
        problem = f"the imported file {path} is not in {file.parent}"
        self._report.error(element, problem, "name a file there")
        return None

    def _metadata(self, root: Element) -> dict[str, str | None]:
        """What a file's <customMetadata> defines. Each sees only those before it."""
        own: dict[str, str | None] = {}
        listed = root.within("customMetadata", "metadata")
        for each in listed:
            texts = self.texts(own, later={other["key"] for other in listed})
            key = each["key"] or texts.fill(each, "key-gen", each["key-gen"])
            if key == "":
                self._report.error(each, "<metadata> has neither key nor key-gen", "give it key=")
            if not key:
                continue
            if each["key-ref"]:
                own[key] = self._referred(each, key, texts)
            elif each.is_true("envReplace-NoRecur"):
                own[key] = None  # may hold brackets that stay
            elif each.is_false("envReplace"):
                own[key] = each["val"] or each.content()
            else:
                value = texts.fill(each, f"metadata {key}", each["val"] or each.content())
                own[key] = None if value is None or UNKNOWN in value else value
            if each.is_true("workflowMet"):
                self.left.add(key)
        return own

    def _referred(self, element: Element, key: str, texts: Texts) -> str | None:
        other = texts.fill(element, f"metadata {key}", element["key-ref"])
        if other is None or UNKNOWN in other:
            return None
        if other not in texts.known and texts.is_complete:
            problem = f"metadata {key} refers to key {other}, which nothing before it defines"
            self._report.warn(element, problem, "define it before")
        return texts.known.get(other)

    def _program(self, root: Element, texts: Texts) -> None:
        for each in root.within("dynInputFiles", "file"):
            writer = texts.fill(each, "writerClass", each["writerClass"])
            if writer is not None and UNKNOWN not in writer:
                self._classes.check(each, "writerClass", writer, "configuration file writer")
            self._paths.writable(each, "path", texts.fill(each, "path", each["path"]))
            for argument in (texts.fill(each, "args", each["args"]) or "").split(","):
                if argument.startswith("/"):
                    self._paths.file(each, "args", argument)
        if program := root.first("exe"):
            self.has_program = True
            if not program["dir"]:
                problem = "<exe> has no dir: its script is written where the Workflow Manager stands"
                self._report.warn(program, problem, "give it dir=")
            self._paths.writable(program, "dir", texts.fill(program, "dir", program["dir"]))
            commands.check(program, texts, self._around.folders, self._places, self._report)

    def _outputs(self, root: Element, texts: Texts) -> None:
        for directory in root.within("output", "dir"):
            self._paths.writable(directory, "path", texts.fill(directory, "path", directory["path"]))
            for each in directory.all("files"):
                self.has_outputs = True
                for argument in outputs.check(each, texts, self._classes, self._report):
                    file = self._paths.file(each, "args", argument)
                    if file and each["metFileWriterClass"].endswith(outputs.LIST_WRITER):
                        listed = self._around.files.read(file, spelling.METADATA_LIST)
                        self._lists |= {file: listed} if listed else {}
