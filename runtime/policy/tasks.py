"""Rules for PGE tasks: the properties that OODT 0.3 needs, and the addresses in them."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping

from runtime.policy.around import Around
from runtime.policy.classes import image_classes, is_pge
from runtime.policy.configuration import Configuration
from runtime.policy.documents import Element
from runtime.policy.findings import Report
from runtime.policy.paths import Paths
from runtime.policy.places import Places
from runtime.policy.workflows import Workflows, properties

CONFIG, ADDER = "PGETask_ConfigFilePath", "PGETask_PropertyAdderClasspath"
WORKFLOW_MANAGER, FILE_MANAGER = "PCS_WorkflowManagerUrl", "PCS_FileManagerUrl"
TRANSFER, ACTIONS = "PCS_ClientTransferServiceFactory", "PCS_ActionRepoFile"
# Properties that OODT 0.3 reads.
KEYS = (
    *("PGETask_Name", CONFIG, ADDER, "PGETask_LogFilePattern", "PGETask_AttemptIngestAll"),
    *(WORKFLOW_MANAGER, FILE_MANAGER, TRANSFER, ACTIONS, "PCS_ActionsIds", "PCS_MetFileExtension"),
    *("PCS_CrawlerCrawlForDirs", "PCS_CrawlerRecur", "PCS_RequiredMetadata"),
)
# What OODT and this cluster give to every job.
JOB_KEYS = ("WorkflowInstId", "TaskId", "JobId", "ProcessingNode", "WorkflowManagerUrl", "JobKey")
# The variable that has the address of the gateway, and its port.
GATEWAYS = {WORKFLOW_MANAGER: ("[WORKFLOW_URL]", 9001), FILE_MANAGER: ("[FILEMGR_URL]", 9000)}


def check(defined: Workflows, metadata: Collection[str], strict: Around) -> set[str]:
    """Check all PGE tasks, those of each workflow in their order. METADATA are keys that a job has.

    Returns the keys that a job has without sending them: those of OODT, and those that tasks leave behind.
    """
    lenient = strict.lenient()
    left = set(JOB_KEYS)
    listed = [(defined.tasks_of(name), defined.required(name)) for name in defined.workflows]
    alone = [task for task in defined.tasks.values() if not any(task in tasks for tasks, _ in listed)]
    for tasks, required in [*listed, *(([task], defined.required_by(task)) for task in alone)]:
        given = {*JOB_KEYS, *metadata, *required}
        is_complete = True
        for task in tasks:
            places = defined.owners[task]
            settings = properties(task, places, Report())  # reported already
            around = strict if defined.uses_task(task) else lenient
            if is_pge(task["class"]) or CONFIG in settings:
                found = Configuration(settings, given, places, around, is_complete=is_complete)
                _Task(task, settings, places, around).check(found)
                given |= found.left
                left |= found.left
            # A class that is not OODT's own may add metadata of which nothing is known.
            is_complete = is_complete and task["class"] in image_classes()
    return left


class _Task:
    """One PGE task."""

    def __init__(
        self, task: Element, settings: Mapping[str, str | None], places: Places, around: Around
    ) -> None:
        self._task, self._settings = task, settings
        self._paths = Paths(around.folders, places, around.report)
        self._classes, self._report = around.classes[places.name], around.report

    def check(self, configuration: Configuration) -> None:
        self._spelling()
        if self._settings.get(CONFIG, "") == "":
            self._missing(CONFIG)
            return
        at = self._element(CONFIG)
        path = configuration.texts().fill(at, f"property {CONFIG}", self._settings[CONFIG])
        file = self._paths.file(at, f"property {CONFIG}", path)
        if file is None or not configuration.read(file):
            return
        if not configuration.has_program:
            problem = "there is no <exe> in it nor in what it imports: the task fails"
            self._report.error(file, problem, "add <exe>")
        known = configuration.known()
        self._addresses(known, has_outputs=configuration.has_outputs)
        self._helpers(known, has_outputs=configuration.has_outputs)
        configuration.check_lists(is_complete=ADDER not in known)

    def _spelling(self) -> None:
        for each in self._task.within("configuration", "property"):
            name = each["name"]
            if name not in KEYS and name.startswith(("PGETask", "PCS_")):
                near = difflib.get_close_matches(name.replace("/", "_"), KEYS, n=1, cutoff=0.8)
                if near and near[0] not in self._settings:
                    self._report.warn(each, f"OODT 0.3 reads no property {name}", f"did you mean {near[0]}?")

    def _addresses(self, known: Mapping[str, str | None], *, has_outputs: bool) -> None:
        for name in (WORKFLOW_MANAGER, *((FILE_MANAGER, TRANSFER) if has_outputs else ())):
            if name not in known:
                self._missing(name)
            value = known.get(name)
            if value is None or name not in GATEWAYS:
                continue
            variable, port = GATEWAYS[name]
            if "[" in value:
                problem = f"property {name} is {value}: OODT does not fill it in"
                self._report.error(self._element(name), problem, 'add envReplace="true"')
            elif value.rstrip("/") not in (f"http://localhost:{port}", f"http://127.0.0.1:{port}"):
                self._report.add(
                    "error" if name == FILE_MANAGER else "warning",
                    self._element(name),
                    f"property {name} is {value}, which goes round the gateway of the container",
                    f'write value="{variable}" envReplace="true"',
                )

    def _helpers(self, known: Mapping[str, str | None], *, has_outputs: bool) -> None:
        if adder := known.get(ADDER):
            self._classes.check(self._element(ADDER), ADDER, adder, "property adder")
        if (transfer := known.get(TRANSFER)) and has_outputs:
            self._classes.check(self._element(TRANSFER), TRANSFER, transfer, "data transfer factory")
        if (actions := known.get(ACTIONS)) and has_outputs:
            path = "/" + actions.removeprefix("file:").lstrip("/")
            self._paths.file(self._element(ACTIONS), f"property {ACTIONS}", path)

    def _missing(self, name: str) -> None:
        other = name.replace("_", "/", 1)
        fix = f"rename {other}, as later versions of OODT call it" if other in self._settings else "add it"
        self._report.error(self._task, f"the task has no property {name}", fix)

    def _element(self, name: str) -> Element:
        """The element of a property, or the task if it has none of that name."""
        found = [each for each in self._task.within("configuration", "property") if each["name"] == name]
        return found[-1] if found else self._task
