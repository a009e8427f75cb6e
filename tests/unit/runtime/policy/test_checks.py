"""The rules of the check: each is broken in one place of a workflow that is right."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from runtime.policy.checks import check
from runtime.policy.places import NoWorkflow, find
from tests.unit.runtime.policy.flow import Flow
from toolchain.paths import REPOSITORY

EVENTS, TASKS, CONDITIONS = "policy/events.xml", "policy/tasks.xml", "policy/conditions.xml"
WORKFLOW, TYPES, ELEMENTS = "policy/flow.workflow.xml", "policy/product-types.xml", "policy/elements.xml"
MAP, PGE, LIST = "policy/product-type-element-map.xml", "pge-configs/task.xml", "pge-configs/list.xml"
SHARED = "pge-configs/shared.xml"
WRITER = "org.apache.oodt.cas.pge.writers.metlist.MetadataListPcsMetFileWriter"
IMPORT = '<import file="shared.xml"/>'

# (file, what is there, what is put in its place, what the check says of it)
BROKEN = [
    # Events, workflows, tasks, conditions
    (EVENTS, 'id="w"', 'id="v"', f"{EVENTS}:2: error: workflow v is defined nowhere in *.workflow.xml"),
    (EVENTS, '<workflow id="w"/>', "", f"{EVENTS}:2: error: event flow has no workflow"),
    (EVENTS, '<event name="flow">', "<event>", f"{EVENTS}:2: error: <event> has no name"),
    (WORKFLOW, 'id="t"', 'id="s"', f"{WORKFLOW}:2: error: task s is defined nowhere in tasks.xml"),
    (WORKFLOW, '<task id="t"/>', "", f"{WORKFLOW}:1: error: workflow w has no task"),
    (WORKFLOW, "tasks>", "steps>", f"{WORKFLOW}:1: error: workflow w has no <tasks>"),
    (
        WORKFLOW,
        "<tasks>",
        '<conditions><condition id="c"/></conditions><tasks>',
        f"{WORKFLOW}:2: error: OODT 0.3 passes over conditions of a workflow: c",
    ),
    (
        TASKS,
        '<condition id="c"/>',
        '<condition id="b"/>',
        f"{TASKS}:3: error: condition b is defined nowhere",
    ),
    (
        TASKS,
        "StdPGETaskInstance",
        "StdPgeTask",
        f"{TASKS}:2: error: class of <task> is org.apache.oodt.cas.pge.StdPgeTask, which is neither",
    ),
    (
        TASKS,
        ' class="org.apache.oodt.cas.pge.StdPGETaskInstance"',
        "",
        f"{TASKS}:2: error: class of <task> is empty",
    ),
    (TASKS, 'metfield name="Input"', "metfield", f"{TASKS}:14: error: <metfield> has no name"),
    (
        CONDITIONS,
        "TrueCondition",
        "HelloWorld",
        f"{CONDITIONS}:2: error: class of <condition> is org.apache.oodt.cas.workflow.examples.HelloWorld,",
    ),
    # Variables and addresses
    (
        TASKS,
        "[WORKFLOW_URL]",
        "[WORKFLOW_ADDRESS]",
        f"{TASKS}:8: error: property PCS_WorkflowManagerUrl refers to [WORKFLOW_ADDRESS], a variable that no",
    ),
    (
        TASKS,
        "[FILEMGR_URL]",
        "http://oodt-filemgr:9000",
        f"{TASKS}:9: error: property PCS_FileManagerUrl is http://oodt-filemgr:9000, which goes round",
    ),
    (
        TASKS,
        "[WORKFLOW_URL]",
        "[PROXIED_WORKFLOW_URL]",
        f"{TASKS}:8: warning: property PCS_WorkflowManagerUrl is http://localhost:8001, which goes round",
    ),
    (
        TASKS,
        'value="[FILEMGR_URL]" envReplace="true"',
        'value="[FILEMGR_URL]"',
        f"{TASKS}:9: error: property PCS_FileManagerUrl is [FILEMGR_URL]: OODT does not fill it in",
    ),
    (
        TASKS,
        "PCS_FileManagerUrl",
        "PCS_FilemgrUrl",
        f"{TASKS}:9: warning: OODT 0.3 reads no property PCS_FilemgrUrl",
    ),
    (
        TASKS,
        "LocalDataTransferFactory",
        "CopyFactory",
        f"{TASKS}:11: error: property PCS_ClientTransferServiceFactory is org.apache.oodt",
    ),
    (
        TASKS,
        "PGETask_ConfigFilePath",
        "PGETask/ConfigFilePath",
        f"{TASKS}:2: error: the task has no property PGETask_ConfigFilePath",
    ),
    # Product types, elements and their map
    (TYPES, "[OODT_ARCHIVE]", "/data", f"{TYPES}:3: error: the repository /data/flow is outside the archive"),
    (
        TYPES,
        "file://",
        "",
        f"{TYPES}:3: error: the repository /usr/local/oodt/archive/flow is no file:///... address",
    ),
    (TYPES, "SingleFileBasicVersioner", "MyVersioner", f"{TYPES}:4: error: class of <versioner>"),
    (
        TYPES,
        "<description>What it makes.</description>",
        "",
        f"{TYPES}:2: error: product type Product has no <description>",
    ),
    (
        TYPES,
        '<type id="p"',
        '<type id="q"',
        f"{TYPES}:2: warning: product type q has no entry in product-type-element-map.xml",
    ),
    (ELEMENTS, "<description/>", "", f"{ELEMENTS}:2: error: element e has no <description>"),
    (ELEMENTS, 'name="Input"', "", f"{ELEMENTS}:2: error: element e has no name"),
    (ELEMENTS, 'id="e"', 'id="d"', f"{MAP}:2: error: element e is defined nowhere in elements.xml"),
    (MAP, '<type id="p"', '<type id="p" parent="none"', f"{MAP}:2: error: parent none has no entry"),
    (MAP, '<element id="e"/>', "", f"{LIST}:1: warning: the catalogue does not keep Input"),
    (
        LIST,
        'val="Product"',
        'val="Produkt"',
        f"{LIST}:2: error: ProductType is Produkt, and no product type has this name",
    ),
    (LIST, '<metadata key="ProductType" val="Product"/>', "", f"{LIST}:1: warning: no ProductType"),
    # PGE configurations
    (
        TASKS,
        "task.xml",
        "tasks.xml",
        f"{TASKS}:6: error: property PGETask_ConfigFilePath is /usr/local/oodt/workflows/flow/pge-con",
    ),
    (
        TASKS,
        "[OODT_CONFIG]/flow/",
        "[OODT_CONFIG]/folw/",
        f"{TASKS}:6: error: property PGETask_ConfigFilePath is /usr/local/oodt/workflows/folw/",
    ),
    (
        TASKS,
        "[OODT_CONFIG]/flow/",
        "/data/",
        f"{TASKS}:6: warning: property PGETask_ConfigFilePath is /data/pge-configs/task.xml, which is not",
    ),
    (PGE, "shared.xml", "common.xml", f"{PGE}:2: error: the imported file common.xml is not in"),
    (PGE, "shared.xml", "task.xml", f"{PGE}:2: error: task.xml is imported while it is read"),
    (PGE, IMPORT, "", f"{PGE}:3: warning: dir refers to [JobDir], which nothing here defines"),
    (PGE, "[Input]", "[Inptu]", f"{PGE}:4: warning: <cmd> refers to [Inptu], which nothing here defines"),
    (
        PGE,
        "/run.py [Input]",
        "/run.py; [ -f a ]",
        f"{PGE}:4: error: <cmd> has [ -f a ], which OODT takes for a placeholder",
    ),
    (
        PGE,
        "/run.py [Input]",
        "/run.py [Input",
        f"{PGE}:4: error: <cmd> is '[OODT_HOME]/pges/flow/run.py [Input', where a [ has no ]",
    ),
    (
        PGE,
        'exe dir="[JobDir]"',
        'exe dir="[OODT_HOME]/pges/flow"',
        f"{PGE}:3: error: dir of <exe> is /usr/local/oodt/pges/flow, where a container cannot write",
    ),
    (PGE, "exe", "run", f"{PGE}:1: error: there is no <exe> in it"),
    (PGE, "shellType", "shell", f"{PGE}:3: warning: OODT 0.3 passes over the attribute shell of <exe>"),
    (PGE, "/bin/bash", "/bin/csh", f"{PGE}:3: warning: the image has no shell /bin/csh"),
    (PGE, "run.py", "walk.py", f"{PGE}:4: error: the program /usr/local/oodt/pges/flow/walk.py is not there"),
    (
        PGE,
        "[OODT_HOME]/pges/flow/run.py",
        "python3 [OODT_HOME]/pges/flow/walk.py",
        f"{PGE}:4: error: the program /usr/local/oodt/pges/flow/walk.py is not there",
    ),
    (
        PGE,
        "[Input]</cmd>",
        "[OODT_HOME]/pges/flow/table.csv</cmd>",
        f"{PGE}:4: warning: <cmd> names /usr/local/oodt/pges/flow/table.csv, which is not there",
    ),
    (PGE, "/flow/run.py", "/folw/run.py", f"{PGE}:4: error: the program /usr/local/oodt/pges/folw/run.py is"),
    (PGE, "[OODT_HOME]/pges/flow/", "./", f"{PGE}:4: warning: run.py is looked for in the job's folder"),
    (
        PGE,
        "[OODT_HOME]/pges/flow/",
        "python3 ",
        f"{PGE}:4: warning: run.py is looked for in the job's folder,",
    ),
    (TYPES, ' name="Product"', "", f"{TYPES}:2: error: <type> has no name"),
    (PGE, ".*\\.nc", "*.nc", f"{PGE}:8: error: regExp is *.nc: nothing to repeat"),
    (PGE, ".*\\.nc", "[Input].nc", f"{PGE}:8: error: regExp is [Input].nc, which OODT does not fill in"),
    (PGE, 'regExp=".*\\.nc"', "", f"{PGE}:8: error: <files> has neither regExp nor name"),
    (
        PGE,
        WRITER,
        "org.example.Writer",
        f"{PGE}:8: error: metFileWriterClass of <files> is org.example.Writer",
    ),
    (PGE, f'metFileWriterClass="{WRITER}"', "", f"{PGE}:8: error: metFileWriterClass of <files> is empty"),
    (
        PGE,
        "list.xml",
        "metout.xml",
        f"{PGE}:8: error: args is /usr/local/oodt/workflows/flow/pge-configs/metout.xml, and there is no",
    ),
    (LIST, "[Input]", "[Output]", f"{LIST}:3: warning: metadata Input refers to [Output]"),
    (SHARED, 'key="JobDir"', "", f"{SHARED}:3: error: <metadata> has neither key nor key-gen"),
    # What OODT passes over
    (
        TASKS,
        'envReplace="true"',
        'envreplace="true"',
        f"{TASKS}:6: warning: OODT 0.3 passes over the attribute envreplace",
    ),
    (PGE, "output>", "outputs>", f"{PGE}:6: warning: OODT passes over <outputs>"),
    (
        WORKFLOW,
        "</tasks>",
        '</tasks><tasks><task id="t"/></tasks>',
        f"{WORKFLOW}:2: error: OODT passes over a second <tasks>",
    ),
    (PGE, "</exe>", "</exe><exe><cmd>a</cmd></exe>", f"{PGE}:5: error: OODT passes over a second <exe>"),
    (
        TASKS,
        "</task>",
        '<configuration><property name="A"/></configuration></task>',
        f"{TASKS}:15: error: OODT p",
    ),
    (
        PGE,
        "</exe>",
        "</exe><cmd>a</cmd>",
        f"{PGE}:5: error: OODT passes over this <cmd>: it looks for it within <exe>",
    ),
    (WORKFLOW, "</tasks>", '</tasks><task id="t"/>', f"{WORKFLOW}:2: error: OODT passes over this <task>"),
    (TASKS, "<metfield ", "<cas:metfield ", f"{TASKS}:14: error: OODT passes over <cas:metfield>"),
]


def test_a_workflow_that_is_right_has_no_findings(tmp_path: Path) -> None:
    assert Flow(tmp_path).told() == []


@pytest.mark.parametrize(("name", "old", "new", "said"), BROKEN, ids=[said for *_, said in BROKEN])
def test_what_is_wrong_in_one_place_is_told(tmp_path: Path, name: str, old: str, new: str, said: str) -> None:
    flow = Flow(tmp_path)
    flow.change(name, old, new)
    assert [each for each in flow.told() if each.startswith(said)], flow.told()


def test_all_that_is_wrong_is_told_at_once_with_its_place_and_what_to_do(tmp_path: Path) -> None:
    flow = Flow(tmp_path)
    flow.change(WORKFLOW, 'task id="t"', 'task id="T"')
    flow.change(PGE, "run.py", "Run.py")
    flow.path("pges/run.py").chmod(0o644)
    assert [str(each) for each in flow.check()] == [
        f"{flow.folder}/{PGE}:4: error: the program /usr/local/oodt/pges/flow/Run.py is not there;"
        " fix: did you mean run.py?",
        f"{flow.folder}/{WORKFLOW}:2: error: task T is defined nowhere in tasks.xml: the event is refused;"
        " fix: define it, or name one that tasks.xml defines: t",
    ]


@pytest.mark.parametrize("name", [EVENTS, TASKS, CONDITIONS, TYPES, ELEMENTS, MAP])
def test_a_policy_file_that_is_missing_is_told(tmp_path: Path, name: str) -> None:
    flow = Flow(tmp_path)
    flow.path(name).unlink()
    assert f"{name}:1: error: this file is missing" in flow.told()


@pytest.mark.parametrize("part", ["pge-configs", "pges"])
def test_a_folder_that_is_missing_is_told(tmp_path: Path, part: str) -> None:
    flow = Flow(tmp_path)
    flow.path(part).rename(flow.path("elsewhere"))
    assert f"{part}:1: error: the folder {part} is missing" in flow.told()


@pytest.mark.parametrize("name", [TASKS, PGE, LIST, "pge-configs/unused.xml"])
def test_a_file_that_is_no_xml_is_told_with_its_line(tmp_path: Path, name: str) -> None:
    flow = Flow(tmp_path)
    flow.write(name, "<tasks>\n<task>\n</tasks>\n")
    assert f"{name}:3: error: this is no XML that can be read (mismatched tag)" in flow.told()


def test_a_file_that_oodt_does_not_take_for_a_workflow_is_told(tmp_path: Path) -> None:
    flow = Flow(tmp_path)
    flow.path(WORKFLOW).rename(flow.path("policy/flow-workflow.xml"))
    assert any("OODT reads workflows from files *.workflow.xml only" in each for each in flow.told())


def test_of_two_with_one_id_the_one_that_oodt_passes_over_is_told(tmp_path: Path) -> None:
    flow = Flow(tmp_path)
    flow.change(ELEMENTS, "<elements>", '<elements>\n<element id="e" name="Other"><description/></element>')
    assert flow.told() == [
        f"{ELEMENTS}:2: error: <element> id e is in elements.xml, line 3, too: OODT uses that one"
    ]


def test_two_that_are_the_same_are_only_a_warning(tmp_path: Path) -> None:
    flow = Flow(tmp_path)
    flow.change(ELEMENTS, "<elements>", '<elements>\n<element id="e" name="Input"><description/></element>')
    assert [each.severity for each in flow.check()] == ["warning"]


def test_a_task_that_two_workflows_define_is_told(tmp_path: Path) -> None:
    one, two = Flow(tmp_path / "a"), Flow(tmp_path / "b")
    two.change(TASKS, 'name="Task"', 'name="Another"')
    other = tmp_path / "b" / "other"
    two.folder.rename(other)
    (other / WORKFLOW).write_text('<workflow id="v"><tasks><task id="t"/></tasks></workflow>')
    told = [str(each) for each in check([*find(one.folder), *find(other)])]
    assert any(
        f"{one.folder}/policy/tasks.xml:2: error: <task> id t is in {other}/policy/tasks.xml, line 2, too"
        in each
        for each in told
    )


def test_a_workflow_may_name_tasks_that_another_folder_defines(tmp_path: Path) -> None:
    flow = Flow(tmp_path)
    other = tmp_path / "other"
    for part in ("policy", "pge-configs", "pges"):
        (other / part).mkdir(parents=True)
    (other / EVENTS).write_text('<events><event name="second"><workflow id="v"/></event></events>')
    (other / "policy/v.workflow.xml").write_text('<workflow id="v"><tasks><task id="t"/></tasks></workflow>')
    for name in (TASKS, CONDITIONS):
        (other / name).write_text("<empty/>")
    assert check([*find(flow.folder), *find(other)]) == []


def test_a_program_that_is_not_executable_is_told(tmp_path: Path) -> None:
    flow = Flow(tmp_path)
    flow.path("pges/run.py").chmod(0o644)
    (found,) = flow.check()
    assert found.problem == f"the program {flow.folder}/pges/run.py is not executable"
    assert found.fix == f"type: chmod +x {flow.folder}/pges/run.py"


def test_a_program_that_an_interpreter_runs_need_not_be_executable(tmp_path: Path) -> None:
    flow = Flow(tmp_path)
    flow.path("pges/run.py").chmod(0o644)
    flow.change(PGE, "[OODT_HOME]/pges", "python3 [OODT_HOME]/pges")
    assert flow.told() == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("#!/usr/bin/env python3\r\nprint()\r\n", "its first line ends as on Windows"),
        ("print()\n", "no first line that names Python"),
    ],
)
def test_a_first_line_that_the_system_does_not_understand_is_told(
    tmp_path: Path, text: str, said: str
) -> None:
    flow = Flow(tmp_path)
    flow.path("pges/run.py").write_bytes(text.encode())
    assert any(said in each for each in flow.told())


def test_programs_are_found_from_the_folder_that_the_commands_go_to(tmp_path: Path) -> None:
    flow = Flow(tmp_path)
    flow.change(
        PGE,
        "<cmd>[OODT_HOME]/pges/flow/run.py",
        "<cmd>cd [OODT_HOME]/pges/flow</cmd><cmd>if true; then A=1 ./walk.py",
    )
    assert any("the program /usr/local/oodt/pges/flow/walk.py is not there" in each for each in flow.told())


def test_a_class_in_a_jar_of_the_folder_is_told_as_one_that_the_image_needs(tmp_path: Path) -> None:
    flow = Flow(tmp_path)
    flow.change(TYPES, "org.apache.oodt.cas.filemgr.versioning.SingleFileBasicVersioner", "org.example.Mine")
    with zipfile.ZipFile(flow.path("pges/mine.jar"), "w") as jar:
        jar.writestr("org/example/Mine.class", b"")
    assert flow.told() == [
        f"{TYPES}:4: warning: class of <versioner> is org.example.Mine of mine.jar, and OODT finds no"
        " jar that is in this folder"
    ]


def test_what_an_image_of_the_workflows_own_may_have_is_only_a_warning(tmp_path: Path) -> None:
    flow = Flow(tmp_path)
    flow.write("Dockerfile", "ARG OODT\nFROM ${OODT}\n")
    flow.change(TYPES, "org.apache.oodt.cas.filemgr.versioning.SingleFileBasicVersioner", "org.example.Mine")
    flow.change(TYPES, "[OODT_ARCHIVE]", "[MY_ARCHIVE]")
    assert {each.severity for each in flow.check()} == {"warning"}


def test_variables_of_the_workflows_own_are_known(tmp_path: Path) -> None:
    flow = Flow(tmp_path)
    flow.change(TASKS, "[OODT_CONFIG]/flow/pge-configs", "[MINE]")
    (places,) = find(flow.folder)
    mine = type(places)(
        **{**vars(places), "environment": {"MINE": "/usr/local/oodt/workflows/flow/pge-configs"}}
    )
    assert check([mine]) == []


def test_metadata_that_an_earlier_task_leaves_behind_are_known(tmp_path: Path) -> None:
    flow = Flow(tmp_path)
    second = (
        flow.path(TASKS)
        .read_text()
        .partition("<tasks>")[2]
        .replace('id="t"', 'id="u"')
        .replace("task.xml", "second.xml")
    )
    flow.change(TASKS, "</tasks>", second)
    flow.change(WORKFLOW, '<task id="t"/>', '<task id="t"/><task id="u"/>')
    flow.write("pge-configs/second.xml", flow.path(PGE).read_text().replace("[Input]", "[Found]"))
    assert any("[Found], which nothing here defines" in each for each in flow.told())
    flow.change(
        SHARED, "</customMetadata>", '<metadata key="Found" val="1" workflowMet="true"/></customMetadata>'
    )
    assert flow.told() == []


def test_a_key_that_its_list_defines_later_is_told_as_such(tmp_path: Path) -> None:
    flow = Flow(tmp_path)
    flow.change(SHARED, "<customMetadata>", '<customMetadata><metadata key="A" val="[JobDir]/a"/>')
    (found,) = flow.check()
    assert (found.severity, found.fix) == ("warning", "define JobDir before it")


def test_metadata_that_refer_to_themselves_without_end_are_told(tmp_path: Path) -> None:
    flow = Flow(tmp_path)
    flow.change(
        TASKS, "<property ", '<property name="A" value="[B]"/><property name="B" value="[A]"/><property '
    )
    flow.change(PGE, "[Input]", "[A]")
    assert any("where it refers to itself without end" in each for each in flow.told())


def test_dates_and_what_is_in_them_are_filled_in(tmp_path: Path) -> None:
    flow = Flow(tmp_path)
    dates = "[DATE.UTC] [ DATE-7.DAY ] [FORMAT(yyyy,[Input],yy)] [UTC_TO_TAI([DATE.UTC])]"
    flow.change(PGE, "[Input]", dates)
    assert flow.told() == []
    flow.change(PGE, "yyyy,[Input],yy", "yyyy,[Day],yy")
    assert any("[Day]" in each for each in flow.told())


def test_a_job_without_metadata_that_its_tasks_need_is_told(tmp_path: Path) -> None:
    flow = Flow(tmp_path)
    assert flow.told("flow", {"Input": "a"}) == []
    assert flow.told("flow", {"Station": "a"}) == [
        f"{TASKS}:14: error: event flow needs metadata Input, and a job without it is dead at once"
    ]
    assert any("there is no event rain" in each for each in flow.told("rain", {"Input": "a"}))


def test_a_readme_that_does_not_tell_what_jobs_need_is_told(tmp_path: Path) -> None:
    flow = Flow(tmp_path)
    flow.write("README.md", "oodt submit --event flow --metadata Station=mute\n")
    assert flow.told() == [f"{TASKS}:14: warning: jobs need metadata Input, which the README does not tell"]
    flow.write("README.md", "oodt submit --event flow --metadata Input=a.nc\n")
    assert flow.told() == []


def test_a_folder_of_the_originals_layout_is_checked_too(tmp_path: Path) -> None:
    flow = Flow(tmp_path)
    root = tmp_path / "root"
    (root / "workflows").mkdir(parents=True)
    (root / "pges").mkdir()
    flow.path("pges").rename(root / "pges" / "flow")
    flow.folder.rename(root / "workflows" / "flow")
    assert check(find(root)) == []


def test_a_folder_that_is_no_workflow_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NoWorkflow, match="it has no folder policy"):
        find(tmp_path)


@pytest.mark.parametrize("name", ["workflows/test-workflow", "testing/workflows/foreign"])
def test_the_projects_own_workflows_have_no_errors(name: str) -> None:
    assert [str(each) for each in check(find(REPOSITORY / name)) if each.severity == "error"] == []


def test_brackets_in_a_jobs_value_are_data(tmp_path: Path) -> None:
    assert Flow(tmp_path).told("flow", {"Input": "a [b"}) == []


def test_a_list_of_metadata_sees_what_the_file_that_imports_its_outputs_defines(tmp_path: Path) -> None:
    flow = Flow(tmp_path)
    output = flow.path(PGE).read_text().partition("<output>")[2].partition("</output>")[0]
    flow.change(
        PGE, f"<output>{output}</output>", '<customMetadata><metadata key="Day" val="1"/></customMetadata>'
    )
    flow.change(SHARED, "</pgeConfig>", f"<output>{output}</output></pgeConfig>")
    flow.change(LIST, "[Input]", "[Day]")
    assert flow.told() == []


def test_placeholders_of_a_new_name_of_a_file_are_checked(tmp_path: Path) -> None:
    flow = Flow(tmp_path)
    flow.change(
        PGE, 'pge-configs/list.xml"/>', 'pge-configs/list.xml"><renamingConv namingExpr="[Day]"/></files>'
    )
    assert any("namingExpr refers to [Day]" in each for each in flow.told())


@pytest.mark.parametrize(
    "line",
    [
        "cat [OODT_HOME]/pges/flow/*.py > all",
        "for each in a b; do [OODT_HOME]/pges/flow/$each.py; done",
        "cd [JobDir] && ./made-here",
        "test -f a || exit 3",
        "gdal_translate [Input] out.nc 2>&1 | tee log",
    ],
)
def test_commands_of_which_nothing_is_known_are_left_alone(tmp_path: Path, line: str) -> None:
    flow = Flow(tmp_path)
    flow.change(PGE, "[OODT_HOME]/pges/flow/run.py [Input]", line.replace("&", "&amp;"))
    assert flow.told() == []


def test_two_product_types_of_one_name_are_told(tmp_path: Path) -> None:
    flow = Flow(tmp_path)
    second = flow.path(TYPES).read_text().partition("<types>")[2].replace('id="p"', 'id="q"')
    flow.change(TYPES, "</types>", second)
    flow.change(MAP, "</map>", '<type id="q"><element id="e"/></type></map>')
    (told,) = flow.told()
    assert told.startswith(f"{TYPES}:2: error: <type> name Product is in product-types.xml, line ")


def test_programs_are_checked_in_a_command_that_has_unknown_placeholders_too(tmp_path: Path) -> None:
    flow = Flow(tmp_path)
    flow.change(PGE, "run.py [Input]", "walk.py [Inptu] ''")
    assert [each.severity for each in flow.check()] == ["error", "warning"]


def test_what_no_job_can_get_to_is_only_a_warning(tmp_path: Path) -> None:
    flow = Flow(tmp_path)
    second = flow.path(TASKS).read_text().partition("<tasks>")[2].replace('id="t"', 'id="u"')
    flow.change(TASKS, "</tasks>", second.replace("task.xml", "none.xml").replace("StdPGE", "NoPGE"))
    flow.write(
        "policy/v.workflow.xml", '<workflow id="v"><tasks><task id="u"/><task id="x"/></tasks></workflow>'
    )
    flow.change(EVENTS, "</events>", '<event name="v"><workflow id="v"/></event><event name="w"/></events>')
    assert [each.severity for each in flow.check()].count("error") == 4
    assert {each.severity for each in flow.check("flow")} == {"warning"}
