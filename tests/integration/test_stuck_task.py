"""A task that ignores every request to stop costs its Workflow Manager's JVM, and no slot."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime.messaging.event import Event
from testing import images
from testing.commands import submit
from testing.oodt import HOME, WORKFLOWS, Container, Oodt, docker
from testing.rabbitmq import RabbitMQ, VirtualHost
from testing.waiting import until

STUCK = Event(name="stubborn")
GOOD = Event(name="test-workflow")
SETTINGS = [
    {"event": STUCK.name, "max_workflows": 1, "max_attempts": 1, "job_timeout": 5},
    {"event": GOOD.name, "max_workflows": 1},
]
BROKER = "oodt-rabbitmq"
COMPILE_SECONDS = 120
JOB_SECONDS = "150"

STUBBORN = """
import org.apache.oodt.cas.metadata.Metadata;
import org.apache.oodt.cas.workflow.structs.WorkflowTaskConfiguration;
import org.apache.oodt.cas.workflow.structs.WorkflowTaskInstance;

public class Stubborn implements WorkflowTaskInstance {
    public void run(Metadata metadata, WorkflowTaskConfiguration settings) {
        while (true) {
            Thread.interrupted();
            Thread.onSpinWait();
        }
    }
}
"""
CAS = 'xmlns:cas="http://oodt.jpl.nasa.gov/1.0/cas"'
POLICY = {
    "conditions.xml": f"<cas:conditions {CAS}/>",
    "events.xml": f"""<cas:workflowevents {CAS}>
  <event name="stubborn"><workflow id="urn:test:Stubborn"/></event>
</cas:workflowevents>""",
    "tasks.xml": f"""<cas:tasks {CAS}>
  <task id="urn:test:Spin" name="Spin" class="Stubborn"><conditions/><configuration/></task>
</cas:tasks>""",
    "stubborn.workflow.xml": f"""<cas:workflow {CAS} id="urn:test:Stubborn" name="Stubborn">
  <tasks><task id="urn:test:Spin"/></tasks>
</cas:workflow>""",
}


@pytest.fixture(scope="module")
def jar(docker_daemon: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The task's class, in a jar made with the image of the Java tests."""
    folder = tmp_path_factory.mktemp("stubborn")
    (folder / "Stubborn.java").write_text(STUBBORN)
    compile_ = 'cd /stubborn && javac -cp "$CLASS_PATH" Stubborn.java && jar cf stubborn.jar Stubborn.class'
    done = subprocess.run(
        [
            *("docker", "run", "--rm", f"--user={os.getuid()}", f"--volume={folder}:/stubborn"),
            *(images.build("oodt", stage="tests"), "sh", "-c", compile_),
        ],
        check=False,
        capture_output=True,
        text=True,
        timeout=COMPILE_SECONDS,
    )
    assert done.returncode == 0, done.stderr
    return folder / "stubborn.jar"


@pytest.fixture(scope="module")
def site(oodt_image: str, jar: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Oodt]:
    workflow = tmp_path_factory.mktemp("workflows") / "stubborn"
    for part in ("policy", "pge-configs", "pges"):
        (workflow / part).mkdir(parents=True)
    for name, text in POLICY.items():
        (workflow / "policy" / name).write_text(text)
    site = Oodt(
        image=oodt_image, folder=tmp_path_factory.mktemp("site"), workflows=[*WORKFLOWS[:1], workflow]
    )
    try:
        site.start_file_manager()
        yield site
    finally:
        site.remove()


@pytest.fixture(scope="module")
def vhost(rabbitmq: RabbitMQ, site: Oodt) -> Iterator[VirtualHost]:
    host = VirtualHost.make(rabbitmq, (STUCK, GOOD))
    docker("network", "connect", "--alias", BROKER, site.name, rabbitmq.name)
    yield host
    docker("network", "disconnect", "--force", site.name, rabbitmq.name)
    host.remove()


@pytest.fixture(scope="module")
def wmgr(site: Oodt, vhost: VirtualHost, jar: Path) -> Container:
    """A Workflow Manager with one slot an event, which calls a task stuck after two seconds."""
    container = site.run_wmgr(
        f"--volume={jar}:{HOME}/lib/stubborn.jar:ro",
        user_url=vhost.url_at(f"{BROKER}:5672"),
        EVENTS=json.dumps(SETTINGS),
        WORKFLOW_QUEUE=f"{STUCK.name},{GOOD.name}",
        JAVA_TOOL_OPTIONS="-Doodt.cluster.stuck.milliseconds=2000",
    )
    container.wait_until_healthy("wmgr")
    return container


def test_a_task_that_does_not_stop_ends_its_jvm_and_the_next_job_of_its_event_gets_the_slot(
    wmgr: Container, vhost: VirtualHost
) -> None:
    before = jvm(wmgr)
    for _ in range(2):
        dead = run(vhost, STUCK)
        assert (dead["state"], dead["reason"]) == ("DEAD", "it did not end within 5 s")
    until(lambda: jvm(wmgr) not in ("", before), seconds=60, what="a new JVM")
    assert run(vhost, GOOD, "Dataset=a", "Project=1", "Run=1", "Seconds=0")["state"] == "SUCCEEDED"


def jvm(container: Container) -> str:
    """The process id of the Workflow Manager."""
    return container.run("pgrep", "-f", "XmlRpcWorkflowManager", check=False).strip()


def run(vhost: VirtualHost, event: Event, *metadata: str) -> dict[str, object]:
    pairs = [word for each in metadata for word in ("--metadata", each)]
    wait = ("--wait", "--json", "--timeout", JOB_SECONDS)
    [job] = submit(vhost.url, "--event", event.name, "--jobs", "1", *pairs, *wait).result["jobs"]
    assert isinstance(job, dict)
    return job
