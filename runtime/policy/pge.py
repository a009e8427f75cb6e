"""Rules for PGE tasks: their properties, and their configuration files with what these import."""

from __future__ import annotations

import difflib
import posixpath
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from runtime.policy import commands, outputs, spelling
from runtime.policy.classes import Classes, image_classes, is_pge
from runtime.policy.documents import Element
from runtime.policy.files import Files
from runtime.policy.findings import Report
from runtime.policy.placeholders import UNKNOWN, Known
from runtime.policy.places import Places, locate
from runtime.policy.products import Products
from runtime.policy.texts import Texts
from runtime.policy.workflows import Workflows, properties

CONFIG = "PGETask_ConfigFilePath"
WORKFLOW_MANAGER, FILE_MANAGER = "PCS_WorkflowManagerUrl", "PCS_FileManagerUrl"
TRANSFER, ACTIONS, ADDER = (
    "PCS_ClientTransferServiceFactory",
    "PCS_ActionRepoFile",
    "PGETask_PropertyAdderClasspath",
)
# Keys that OODT 0.3 reads.
KEYS = (
    *("PGETask_Name", CONFIG, "PGETask_LogFilePattern", ADDER, "PGETask_AttemptIngestAll"),
    *(WORKFLOW_MANAGER, FILE_MANAGER, TRANSFER, ACTIONS, "PCS_ActionsIds", "PCS_MetFileExtension"),
    *("PCS_CrawlerCrawlForDirs", "PCS_CrawlerRecur", "PCS_RequiredMetadata", "PCS_CrawlerActionsFile"),
    *("PGETask_SciExe_Path", "PGETask_SciExe_Version", "PGETask_ProductPath", "PGETask_DumpMetadata"),
)
# What OODT and this cluster give to every job.
JOB_KEYS = ("WorkflowInstId", "TaskId", "JobId", "ProcessingNode", "WorkflowManagerUrl", "JobKey")
# OODT names the variables of its services in the texts of a task that are filled in; where they lead to.
GATEWAYS = {WORKFLOW_MANAGER: ("[WORKFLOW_URL]", 9001), FILE_MANAGER: ("[FILEMGR_URL]", 9000)}


@dataclass(frozen=True, kw_only=True)
class Around:
    """What all tasks of a check share."""

    folders: Sequence[Places]
    products: Products
    files: Files
    classes: Mapping[str, Classes]
    report: Report


def check_tasks(defined: Workflows, metadata: Mapping[str, str], around: Around) -> set[str]:
    """Check all PGE tasks, those of each workflow in their order. METADATA are a job's.

    Returns the keys that a job has without sending them: those of OODT, and those that tasks leave behind.
    """
    left = set(JOB_KEYS)
    listed = [(defined.tasks_of(name), defined.required(name)) for name in defined.workflows]
    alone = [task for task in defined.tasks.values() if not any(task in tasks for tasks, _ in listed)]
    for tasks, required in [*listed, *(([task], defined.required_by(task)) for task in alone)]:
        given: dict[str, str | None] = dict.fromkeys(required) | dict(metadata)
        is_complete = True
        for task in tasks:
            settings = properties(task, defined.owners[task], Report())
            if is_pge(task["class"]) or CONFIG in settings:
                pge = Task(task, settings, given, defined.owners[task], around, is_complete=is_complete)
                pge.check()
                given |= dict.fromkeys(pge.left)
                left |= pge.left
            # A class that is not OODT's own may add metadata of which nothing is known.
            is_complete = is_complete and task["class"] in image_classes()
    return left


class Task:
    """One PGE task: what its placeholders can refer to, and what its files say."""

    def __init__(
        self,
        task: Element,
        settings: Mapping[str, str | None],
        given: Mapping[str, str | None],
        places: Places,
        around: Around,
        *,
        is_complete: bool,
    ) -> None:
        """``settings`` are the task's properties, ``given`` the metadata that a job has when it begins."""
        self._task, self._settings, self._given = task, settings, dict.fromkeys(JOB_KEYS) | dict(given)
        self._places, self._workflows, self._is_complete = places, around.folders, is_complete
        self._files, self._classes, self._report = around.files, around.classes[places.name], around.report
        self._products = around.products
        self._custom: dict[str, str | None] = {}
        self._has_program = self._has_outputs = False
        # Keys that it leaves behind for the tasks after it.
        self.left: set[str] = set()

    def check(self) -> None:
        self._names()
        if self._settings.get(CONFIG, "") == "":
            self._report.error(
                self._task,
                f"the task has no property {CONFIG}",
                f"add it: the path of a file in pge-configs{self._later()}",
            )
            return
        texts = self._texts(self._known())
        path = texts.fill(self._property(CONFIG), f"property {CONFIG}", self._settings[CONFIG])
        file = self._find(self._property(CONFIG), f"property {CONFIG}", path)
        if file is None or not self._read(file, "", (file,)):
            return
        if not self._has_program:
            self._report.error(
                file, "there is no <exe> in it nor in what it imports: the task fails", "add <exe>"
            )
        self._addresses()

    def _names(self) -> None:
        for each in self._task.within("configuration", "property"):
            name = each["name"]
            if name in KEYS or not name.startswith(("PGETask", "PCS_")):
                continue
            near = difflib.get_close_matches(name.replace("/", "_"), KEYS, n=1, cutoff=0.8)
            fix = f"did you mean {near[0]}?" if near else "remove it"
            if near and near[0] not in self._settings:
                self._report.warn(each, f"OODT 0.3 reads no property {name}", fix)

    def _later(self) -> str:
        return (
            " (later versions of OODT have other names)"
            if any("/" in name for name in self._settings)
            else ""
        )

    def _property(self, name: str) -> Element:
        """The element of a property, or the task if it has none of that name."""
        found = [each for each in self._task.within("configuration", "property") if each["name"] == name]
        return found[-1] if found else self._task

    def _known(self, own: Mapping[str, str | None] | None = None) -> dict[str, str | None]:
        """What placeholders see, in a file that defines OWN. Of several with one key the last counts."""
        own = own or {}
        return {**self._places.variables, **self._custom, **own, **self._given, **self._settings}

    def _texts(self, known: Known, later: Collection[str] = ()) -> Texts:
        return Texts(known, self._report, is_complete=self._is_complete, later=later)

    def _find(self, at: Element, what: str, path: str | None) -> Path | None:
        """The file in the folder that a path of a container leads to."""
        if path is None or UNKNOWN in path:
            return None
        if not path.startswith("/"):
            self._report.error(
                at,
                f"{what} is {path}, which does not begin with /: OODT does not find it",
                "write [OODT_CONFIG]/...",
            )
            return None
        where, file = locate(path, self._workflows)
        if where == "folder" and file and file.is_file():
            return file
        if where in ("elsewhere", "image"):
            if where == "elsewhere" and not self._places.own_image:
                self._report.warn(
                    at, f"{what} is {path}, which is not in this folder", "see that the image has it"
                )
            return None
        if file:
            near = difflib.get_close_matches(file.name, [each.name for each in file.parent.glob("*")], n=1)
            fix = f"did you mean {near[0]}?" if near else f"make {file}"
        else:
            fix = f"this workflow's files are in [OODT_CONFIG]/{self._places.name}/pge-configs in a container"
        self._report.error(at, f"{what} is {path}, and there is no such file", fix)
        return None

    def _read(self, file: Path, namespace: str, above: tuple[Path, ...]) -> bool:
        root = self._files.read(file, spelling.PGE_CONFIG)
        if root is None:
            return False
        texts = self._texts(self._known())
        for each in root.all("import"):
            inner = texts.fill(each, "namespace", each["namespace"]) or ""
            path = texts.fill(each, "file", each["file"])
            if path is None or UNKNOWN in path:
                continue
            if path.startswith("/"):
                imported = self._find(each, "the imported file", path)
            else:
                imported = (file.parent / path).resolve()
                if not imported.is_file():
                    self._report.error(
                        each, f"the imported file {path} is not in {file.parent}", "name a file there"
                    )
                    continue
            if imported in above:
                self._report.error(
                    each, f"{path} is imported while it is read: the task fails", "remove the import"
                )
            elif imported:
                self._read(imported, inner, (*above, imported))
        own = self._metadata(root)
        self._configure(root, self._texts(self._known(own)))
        prefix = f"{namespace}:" if namespace else ""
        self._custom |= {prefix + key: value for key, value in own.items()}
        return True

    def _metadata(self, root: Element) -> dict[str, str | None]:
        """What a file's <customMetadata> defines. Each sees only those before it."""
        own: dict[str, str | None] = {}
        listed = root.within("customMetadata", "metadata")
        later = {each["key"] for each in listed}
        for each in listed:
            texts = self._texts(self._known(own), later=later)
            key = each["key"] or texts.fill(each, "key-gen", each["key-gen"])
            if key == "":
                self._report.error(each, "<metadata> has neither key nor key-gen", "give it key=")
            if not key:
                continue
            text = each["key-ref"] or each["val"] or each.content()
            if each.is_false("envReplace") and not each["key-ref"]:
                value: str | None = text
            else:
                value = texts.fill(each, f"metadata {key}", text)
            if each["key-ref"]:
                if value and UNKNOWN not in value and value not in texts.known and value not in later:
                    self._report.warn(
                        each, f"metadata {key} refers to key {value}, which nothing defines", "define it"
                    )
                value = texts.known.get(value) if value else None
            own[key] = None if value is None or UNKNOWN in value else value
            if each.is_true("workflowMet"):
                self.left.add(key)
        return own

    def _configure(self, root: Element, texts: Texts) -> None:
        for each in root.within("dynInputFiles", "file"):
            writer = texts.fill(each, "writerClass", each["writerClass"])
            if writer is not None and UNKNOWN not in writer:
                self._classes.check(each, "writerClass", writer, "configuration file writer")
            self._writable(each, "path", texts.fill(each, "path", each["path"]))
            for argument in (texts.fill(each, "args", each["args"]) or "").split(","):
                if argument.startswith("/"):
                    self._find(each, "args", argument)
        if program := root.first("exe"):
            self._has_program = True
            if not program["dir"]:
                self._report.warn(
                    program,
                    "<exe> has no dir: its script is written where the Workflow Manager stands",
                    "give it dir=",
                )
            self._writable(program, "dir", texts.fill(program, "dir", program["dir"]))
            commands.check(program, texts, self._workflows, self._places, self._report)
        for directory in root.within("output", "dir"):
            self._has_outputs = self._has_outputs or bool(directory.all("files"))
            self._writable(directory, "path", texts.fill(directory, "path", directory["path"]))
            for each in directory.all("files"):
                found = outputs.check(each, texts, self._classes, self._report)
                for argument in found:
                    self._arguments(each, argument, texts)

    def _writable(self, at: Element, what: str, path: str | None) -> None:
        if path and locate(path, self._workflows)[0] in ("folder", "absent"):
            shown = path.replace(UNKNOWN, "...")
            self._report.error(
                at,
                f"{what} of <{at.tag}> is {shown}, where a container cannot write",
                f"use a folder below [OODT_HOME]/pges/{self._places.name}/jobs",
            )

    def _arguments(self, at: Element, path: str, texts: Texts) -> None:
        """An argument of a writer of metadata files: a list of the product's metadata, or another file."""
        file = self._find(at, "args", path)
        if file is None or not at["metFileWriterClass"].endswith(".MetadataListPcsMetFileWriter"):
            return
        root = self._files.read(file, spelling.METADATA_LIST)
        if root:
            outputs.check_list(root, texts, self._report)
            outputs.check_types(root, texts, self._products, self._report)

    def _addresses(self) -> None:
        known = self._known()
        needed = (WORKFLOW_MANAGER, *((FILE_MANAGER, TRANSFER) if self._has_outputs else ()))
        for name in needed:
            if name not in known:
                self._report.error(self._task, f"the task has no property {name}", f"add it{self._later()}")
        for name, (variable, port) in GATEWAYS.items():
            value = known.get(name)
            if value is None or name not in needed:
                continue
            if "[" in value:
                self._report.error(
                    self._property(name),
                    f"property {name} is {value}: OODT does not fill it in",
                    'add envReplace="true"',
                )
            elif value.rstrip("/") not in (f"http://localhost:{port}", f"http://127.0.0.1:{port}"):
                self._report.add(
                    "error" if name == FILE_MANAGER else "warning",
                    self._property(name),
                    f"property {name} is {value}, which goes round the gateway of the container",
                    f'write value="{variable}" envReplace="true"',
                )
        if (transfer := known.get(TRANSFER)) and self._has_outputs:
            self._classes.check(self._property(TRANSFER), TRANSFER, transfer, "data transfer factory")
        if adder := known.get(ADDER):
            self._classes.check(self._property(ADDER), ADDER, adder, "property adder")
        if (actions := known.get(ACTIONS)) and self._has_outputs:
            path = actions.removeprefix("file:")
            self._find(
                self._property(ACTIONS),
                f"property {ACTIONS}",
                posixpath.normpath(path) if path[:1] == "/" else path,
            )
