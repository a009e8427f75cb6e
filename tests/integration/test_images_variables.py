"""What a workflow's programs see: its own variables and secrets, their Python, and how much memory."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from testing import images
from testing.oodt import HOME, RUN_PROGRAM, Container, Oodt, docker, run_to_end

OWN = {
    "probe": {
        "MODEL": "m 1 \u00e4",
        "TOKEN_FILE": "/run/workflow-secrets/probe/TOKEN",
        "JOBS": f"{HOME}/jobs",
    }
}
MEMORY = "700m"
POLICY = {
    "events.xml": """<events><event name="{0}"><workflow id="urn:w:{0}"/></event>
        <event name="{0}-eat"><workflow id="urn:w:{0}-eat"/></event></events>""",
    "{0}.workflow.xml": """<workflow id="urn:w:{0}" name="w">
        <tasks><task id="urn:t:{0}"/></tasks></workflow>""",
    "{0}-eat.workflow.xml": """<workflow id="urn:w:{0}-eat" name="e">
        <tasks><task id="urn:t:{0}-eat"/></tasks></workflow>""",
    "conditions.xml": "<conditions/>",
    "product-types.xml": "<types/>",
    "elements.xml": "<elements/>",
    "product-type-element-map.xml": "<map/>",
}
TASK = """<task id="urn:t:{0}" name="{0}" class="org.apache.oodt.cas.pge.StdPGETaskInstance"><conditions/>
<configuration>
  <property name="PGETask_Name" value="look"/>
  <property name="Model" value="of [MODEL]" envReplace="true"/>
  <property name="PGETask_ConfigFilePath" value="[OODT_CONFIG]/{1}/pge-configs/{2}.xml" envReplace="true"/>
  <property name="PCS_WorkflowManagerUrl" value="[WORKFLOW_URL]" envReplace="true"/>
  <property name="PCS_FileManagerUrl" value="[FILEMGR_URL]" envReplace="true"/>
  <property name="PCS_MetFileExtension" value="met"/>
  <property name="PCS_ActionRepoFile" envReplace="true"
            value="file:[OODT_HOME]/cas-crawler/policy/crawler-config.xml"/>
</configuration></task>"""
LOOK = """<pgeConfig><exe dir="[OODT_JOBS]/[JobKey]" shellType="/bin/bash">
  <cmd>env > env; echo "[MODEL] [Model] [PGE_ROOT]" > placeholders</cmd>
  <cmd>cat "$TOKEN_FILE" > secret; readlink -f "$(command -v python)" > python</cmd>
  <cmd>python -c "import pika" 2> packages; true</cmd>
</exe></pgeConfig>"""
EAT = """<pgeConfig><exe dir="[OODT_JOBS]/[JobKey]" shellType="/bin/bash">
  <cmd>python3 -c "bytearray(2000000000)"</cmd>
</exe></pgeConfig>"""


def workflow(folder: Path) -> Path:
    name = folder.name
    for part in ("policy", "pge-configs", "pges"):
        (folder / part).mkdir(parents=True)
    for file, text in POLICY.items():
        (folder / "policy" / file.format(name)).write_text(text.format(name))
    tasks = [TASK.format(name, name, "look"), TASK.format(f"{name}-eat", name, "eat")]
    (folder / "policy" / "tasks.xml").write_text(f"<tasks>{''.join(tasks)}</tasks>")
    (folder / "pge-configs" / "look.xml").write_text(LOOK)
    (folder / "pge-configs" / "eat.xml").write_text(EAT)
    return folder


@pytest.fixture(scope="module")
def manager(oodt_image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Container]:
    folder = tmp_path_factory.mktemp("site")
    folders = [workflow(folder / "flows" / name) for name in ("probe", "other")]
    site = Oodt(image=oodt_image, folder=folder, workflows=folders, variables=OWN)
    (folder / "secret").write_text("s3cr3t")
    try:
        site.start_file_manager()
        container = site.run_wmgr(
            *("--volume", f"{folder / 'secret'}:{OWN['probe']['TOKEN_FILE']}:ro"),
            *("--memory", MEMORY, "--memory-swap", MEMORY),
            WORKFLOW_QUEUE="probe,other",
        )
        container.wait_until_healthy("wmgr")
        # The consumer would remove the journals that the tests read.
        container.run("supervisorctl", "-s", "unix:///run/supervisord.sock", "stop", "consumer")
        yield container
    finally:
        site.remove()


def seen(manager: Container, event: str) -> dict[str, str]:
    """What the program of a job of the event has written, by file."""
    job = f"{event}-{uuid.uuid4().hex[:8]}"
    manager.run("install", "-d", "-o", "oodt", f"{HOME}/jobs/{job}")
    run_to_end(manager, event, job)
    files = ("env", "placeholders", "secret", "python", "packages")
    return {file: manager.run("cat", f"{HOME}/jobs/{job}/{file}", check=False) for file in files}


def test_programs_configurations_and_policy_see_the_variables_of_their_workflow(manager: Container) -> None:
    found = seen(manager, "probe")
    lines = found["env"].splitlines()
    assert {f"{name}={value}" for name, value in OWN["probe"].items()} <= set(lines)
    assert f"PGE_ROOT={HOME}/pges" in lines
    assert any(line.startswith("HOSTNAME=") for line in lines)
    model = OWN["probe"]["MODEL"]
    assert found["placeholders"] == f"{model} of {model} {HOME}/pges\n"
    assert found["secret"] == "s3cr3t"


def test_another_workflow_of_the_same_workflow_manager_does_not_see_them(manager: Container) -> None:
    found = seen(manager, "other")
    names = {line.partition("=")[0] for line in found["env"].splitlines()}
    assert "OODT_HOME" in names
    assert not names & set(OWN["probe"])
    assert "s3cr3t" not in "".join(found.values())


def test_programs_have_the_systems_python_without_the_packages_of_the_runtime(manager: Container) -> None:
    found = seen(manager, "probe")
    assert found["python"].startswith("/usr/bin/python3")
    assert "No module named 'pika'" in found["packages"]


def test_a_program_that_is_killed_for_memory_is_a_failed_run_that_says_so(manager: Container) -> None:
    manager.run("install", "-d", "-o", "oodt", f"{HOME}/jobs/eater")
    lines = run_to_end(manager, "probe-eat", "eater")
    (failed,) = [line for line in lines if line["kind"] == "task-failed"]
    assert "its program did not exit with 0 but with 137; memory ran out" in failed["error"]
    assert "wm_memory" in failed["error"]


def test_a_reason_has_no_variables_of_a_program_whose_helper_ended_at_once(manager: Container) -> None:
    manager.run("cp", "--archive", RUN_PROGRAM, f"{RUN_PROGRAM}.kept")
    manager.run("install", "/bin/false", RUN_PROGRAM)
    try:
        lines = run_to_end(manager, "probe", "never-begun")
    finally:
        manager.run("mv", f"{RUN_PROGRAM}.kept", RUN_PROGRAM)
    (failed,) = [line for line in lines if line["kind"] == "task-failed"]
    assert failed["error"] == "its program did not exit with 0"
    assert "OODT_RUN_LOG" not in str(lines)


def test_lists_of_packages_are_enough_for_an_image_of_its_own(
    oodt_image: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    (tmp_path / "packages.txt").write_text("# a program\nbc\n")
    (tmp_path / "requirements.txt").write_text("six==1.17.0\n")
    tag = f"oodt-test-programs-{uuid.uuid4().hex[:8]}"
    images.build_file(tag, "images/programs/Dockerfile", context=str(tmp_path), OODT=oodt_image)
    request.addfinalizer(lambda: docker("rmi", tag, check=False))
    look = "echo 6*7 | bc; /usr/bin/python3 -c 'import six; print(six.__version__)'; python -c 'import six'"
    done = docker("run", "--rm", "--entrypoint", "sh", tag, "-c", look, check=False)
    assert done.stdout == "42\n1.17.0\n"
    assert "No module named 'six'" in done.stderr  # the runtime's own Python
