"""The user data that the engine rendered, run unchanged by cloud-init on instances that are containers.

`pulumi up` runs meanwhile, waiting at its real gates. The tests are one story, in this order.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from ipaddress import IPv4Network

import pytest

from infra.aws import console, user_data
from testing.waiting import until
from tests.e2e.aws import ec2
from tests.e2e.aws.account import REGION
from tests.e2e.aws.cloud import BOOT_TIMEOUT, WORKERS, Cloud, booted
from toolchain.paths import REPOSITORY

PROGRAM = REPOSITORY / "tests" / "e2e" / "aws" / "without_services.py"
UP_TIMEOUT = 600  # seconds
DESTROY_LIMIT = 300  # seconds that the whole of a destroy may take


@pytest.fixture(scope="module")
def cloud(docker_daemon: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    with booted(tmp_path_factory.mktemp("boot"), PROGRAM, UP_TIMEOUT) as found:
        yield found


def test_manager_and_workers_make_a_swarm_by_themselves(cloud: Cloud) -> None:
    """`pulumi up` has ended, so that its gates have seen the same."""
    assert cloud.whole(), cloud.nodes()
    assert cloud.record()["swarm"] == cloud.swarm_id()


def test_docker_has_its_data_on_the_data_volume_and_every_node_the_same_share(cloud: Cloud) -> None:
    cloud.manager.run("touch /shared-data/archive/seen")
    for node in [cloud.manager, *cloud.workers]:
        assert node.run("findmnt -no FSTYPE,SIZE /var/lib/docker").split()[0] == "xfs"
        assert node.run("docker info --format '{{.DockerRootDir}}'").strip() == "/var/lib/docker"
        assert node.run("ls /shared-data/archive").split() == ["seen"]


def test_dockers_own_networks_are_within_the_pool_that_was_chosen(cloud: Cloud) -> None:
    (group,) = cloud.account.client("ec2").describe_instances(
        Filters=[{"Name": "tag-key", "Values": ["AddressPool"]}]
    )["Reservations"]
    tags = {tag["Key"]: tag["Value"] for tag in group["Instances"][0]["Tags"]}
    form = "'{{range .IPAM.Config}}{{.Subnet}} {{end}}'"
    for node in [cloud.manager, *cloud.workers]:
        listed = node.run(f"docker network inspect -f {form} bridge docker_gwbridge ingress").split()
        assert len(listed) == 3
        assert all(IPv4Network(subnet).subnet_of(IPv4Network(tags["AddressPool"])) for subnet in listed)


def test_every_node_mounts_the_share_with_its_role_and_tells_its_steps_on_the_console(cloud: Cloud) -> None:
    for node in [cloud.manager, *cloud.workers]:
        assert ",tls,iam,accesspoint=fsap-" in node.run("cat /var/log/efs.calls")
        assert node.run("systemctl is-active amazon-ssm-agent").strip() == "active"
        written = node.console()
        steps = [written.index(f"oodt: step {number} of 5: ") for number in range(1, 6)]
        assert steps == sorted(steps)
        assert written.index("oodt: ready") > steps[-1]
        assert "oodt: waiting for fs-" in written
        told = console.describe(cloud.account.client("ec2"), node.identifier, REGION)
        assert told.startswith(f"{node.identifier}: ready; log in by: aws ssm start-session")


def test_the_ecs_agent_does_not_run_and_the_operator_may_use_docker(cloud: Cloud) -> None:
    assert cloud.manager.run("systemctl is-active ecs.service", check=False).strip() == "inactive"
    line = [*cloud.stack.output("ssh").split(), "-o", "BatchMode=yes", "docker node ls -q | wc -l"]
    assert ec2.run(*line).strip() == str(WORKERS + 1)


def test_the_managers_host_key_was_known_before_the_first_connection(cloud: Cloud) -> None:
    known = (cloud.stack.folder / ".ssh" / cloud.stack.stack / "known_hosts").read_text()
    key = " ".join(cloud.manager.run("cat /etc/ssh/ssh_host_ed25519_key.pub").split()[:2])
    assert known == f"{cloud.manager.address} {key}\n"
    assert cloud.record()["host_key"] == key


def test_the_join_token_is_in_no_log_no_process_and_no_state(cloud: Cloud) -> None:
    token = cloud.record()["token"]
    assert token.startswith("SWMTKN-")
    texts = [node.logs() for node in [cloud.manager, *cloud.workers]]
    texts += [cloud.stack.pulumi("stack", "export", "--show-secrets")]
    texts += [(cloud.ec2.folder / "up.log").read_text()]
    assert not any(token in text for text in texts)


def test_a_second_up_changes_nothing(cloud: Cloud) -> None:
    assert cloud.stack.up() == {}


def test_a_leaving_worker_is_drained_before_its_group_may_end_it(cloud: Cloud) -> None:
    """Its task goes on, like a Workflow Manager with running jobs, until a file lets it end, and 8 s more.

    Then it notes the end.
    """
    leaving = cloud.workers[0]
    hostname = leaving.run("hostname").strip()
    for worker in cloud.workers:
        worker.run("tar -C /bin -c busybox | docker import - busybox")
    wait = "while [ ! -e /ended/go ]; do busybox sleep 1; done; busybox sleep 8"
    slow = f"trap '{wait}; echo >/ended/\\$NODE; exit 0' TERM; while :; do busybox sleep 1; done"
    cloud.manager.run(
        "docker service create -d --name slow --no-resolve-image --mode global --stop-grace-period 600s "
        "--mount type=bind,source=/shared-data/jobs,target=/ended --env NODE={{.Node.Hostname}} "
        f'--constraint node.role==worker busybox /busybox sh -c "{slow}"'
    )
    until(lambda: len(running(cloud, "slow")) == WORKERS, seconds=60, what="a task on each worker")
    leaving.metadata("autoscaling/target-lifecycle-state", "Terminated")
    until(lambda: cloud.nodes().get(hostname) == "Ready Drain", what="the drain")
    assert hostname in running(cloud, "slow", "docker service ps slow --format '{{.Node}} {{.CurrentState}}'")
    assert completed(cloud) == []
    cloud.manager.run("touch /shared-data/jobs/go")
    until(lambda: hostname not in cloud.nodes(), what="the worker to leave")
    assert completed(cloud) == [leaving.identifier]
    assert hostname in ended(cloud)
    until(lambda: hostname not in cloud.manager.run("docker node ls"), what="the worker to be forgotten")
    cloud.ec2.terminate(leaving)
    cloud.workers.remove(leaving)


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("no-mirror", "10 s were not enough for: dnf install"),
        ("no-share", "s for fs-"),
    ],
)
def test_a_worker_that_gives_up_is_unhealthy(cloud: Cloud, fault: str, said: str) -> None:
    """It has the id of the one that was ended, which its group still knows here, and little time."""
    script = base64.b64decode(ec2.template(cloud.account)["UserData"]).decode()
    assert f"BOOT_LIMIT={user_data.BOOT_LIMIT}" in script
    autoscaling = cloud.account.client("autoscaling")
    alive = {worker.identifier for worker in cloud.workers}
    known = autoscaling.describe_auto_scaling_instances()["AutoScalingInstances"]
    (identifier,) = {instance["InstanceId"] for instance in known} - alive
    autoscaling.set_instance_health(InstanceId=identifier, HealthStatus="Healthy")
    failing = cloud.ec2.launch(
        identifier,
        str(cloud.ec2.block[258]),
        script.replace(f"BOOT_LIMIT={user_data.BOOT_LIMIT}", "BOOT_LIMIT=10"),
        fault,
        fault=fault,
    )

    def unhealthy() -> bool:
        (found,) = autoscaling.describe_auto_scaling_instances(InstanceIds=[identifier])[
            "AutoScalingInstances"
        ]
        return bool(found["HealthStatus"] == "Unhealthy")

    until(unhealthy, seconds=BOOT_TIMEOUT, what="the worker to give up")
    until(lambda: "this worker is unhealthy" in failing.console(), what="its last words")
    assert said in failing.console()
    cloud.ec2.terminate(failing)


def test_a_worker_that_replaces_it_joins(cloud: Cloud) -> None:
    script = base64.b64decode(ec2.template(cloud.account)["UserData"]).decode()
    cloud.workers.append(
        cloud.ec2.launch("i-replacement", str(cloud.ec2.block[257]), script, "i-replacement")
    )
    until(cloud.whole, seconds=BOOT_TIMEOUT, what="the new worker")
    until(lambda: len(running(cloud, "slow")) >= WORKERS - 1, what="the service's tasks")


def test_a_worker_that_shuts_down_keeps_its_share_until_it_is_drained(cloud: Cloud) -> None:
    worker = cloud.workers[0]
    hostname = worker.run("hostname").strip()
    until(lambda: hostname in running(cloud, "slow"), what="its task")
    assert hostname not in ended(cloud)
    worker.reboot()
    assert hostname in ended(cloud)
    assert not worker.run("ls /var/log/proxy.ended", check=False)
    until(cloud.whole, seconds=BOOT_TIMEOUT, what=f"{worker.container} to come back")


def test_containers_logs_are_limited(cloud: Cloud) -> None:
    """A worker that has just come back may have none yet."""

    def containers() -> list[tuple[ec2.Instance, str]]:
        return [(worker, each) for worker in cloud.workers for each in worker.run("docker ps -q").split()]

    worker, container = until(containers, what="a container on a worker")[0]
    found = json.loads(worker.run(f"docker inspect -f '{{{{json .HostConfig.LogConfig}}}}' {container}"))
    assert found == {"Type": "json-file", "Config": {"max-file": "3", "max-size": "10m"}}


@pytest.mark.slow
def test_every_worker_comes_back_after_a_reboot(cloud: Cloud) -> None:
    for worker in cloud.workers:
        worker.reboot()
        until(cloud.whole, seconds=BOOT_TIMEOUT, what=f"{worker.container} to come back")


def test_the_manager_resumes_after_a_reboot(cloud: Cloud) -> None:
    before = cloud.swarm_id()
    cloud.manager.reboot()
    until(cloud.whole, seconds=BOOT_TIMEOUT, what="the swarm")
    assert cloud.swarm_id() == before


def test_the_manager_is_replaced_and_the_swarm_resumes_from_its_data_volume(cloud: Cloud) -> None:
    before = cloud.swarm_id(), cloud.record()["host_key"]
    old = cloud.manager
    script = ec2.user_data(cloud.account, old.identifier)
    cloud.ec2.terminate(old)
    cloud.manager = cloud.ec2.launch("i-manager-2", old.address, script, "manager-data")
    until(
        lambda: cloud.manager.run("docker info", check=False) and cloud.whole(),
        seconds=BOOT_TIMEOUT,
        what="the swarm",
    )
    until(lambda: cloud.record()["host_key"] != before[1], what="the new manager's record")
    assert cloud.swarm_id() == before[0]
    assert "slow" in cloud.manager.run("docker service ls")


def test_a_worker_shuts_down_in_minutes_though_its_manager_is_dead(cloud: Cloud) -> None:
    worker, hostname = cloud.workers[0], cloud.workers[0].run("hostname").strip()
    cloud.manager.shut_down()
    assert worker.shut_down() < DESTROY_LIMIT - 60
    assert "the manager has not answered" in worker.console()
    for instance in (cloud.manager, worker):
        instance.start()
    until(lambda: cloud.nodes().get(hostname) == "Ready Active", seconds=BOOT_TIMEOUT, what="the worker")


def test_a_destroyed_stack_is_gone_in_minutes_whose_nodes_shut_down_as_ec2s_do(cloud: Cloud) -> None:
    """The manager and the workers are told to at once, while the service still runs."""
    cloud.stack.up(protect="false")
    began = time.monotonic()
    with ThreadPoolExecutor() as pool:
        destroyed = pool.submit(cloud.stack.destroy)
        for name in ("Swarm Worker Node", "Swarm Manager Node"):
            until(partial(_is_gone, cloud, name), seconds=60, what=f"{name} to be terminated")
        stopped = [pool.submit(node.shut_down) for node in (cloud.manager, *cloud.workers)]
        destroyed.result(timeout=DESTROY_LIMIT)
        assert all(each.result(timeout=DESTROY_LIMIT) < DESTROY_LIMIT / 2 for each in stopped)
    assert time.monotonic() - began < DESTROY_LIMIT
    assert all("the stack is destroyed" in worker.console() for worker in cloud.workers)


def _is_gone(cloud: Cloud, name: str) -> bool:
    return not ec2.described(cloud.account, name)


def running(cloud: Cloud, service: str, command: str = "") -> list[str]:
    """Nodes on which a task of the service runs."""
    wanted = "--filter desired-state=running --format '{{.Node}} {{.CurrentState}}'"
    listed = cloud.manager.run(command or f"docker service ps {service} {wanted}", check=False)
    rows = [line.split() for line in listed.splitlines()]
    return [row[0] for row in rows if len(row) > 1 and row[1] == "Running"]


def ended(cloud: Cloud) -> list[str]:
    """Nodes where a task of the service had the time to end."""
    return cloud.manager.run("ls /shared-data/jobs").split()


def completed(cloud: Cloud) -> list[str]:
    """Instances whose lifecycle action the manager completed, as moto's stand-in noted it."""
    answer = cloud.account.client("autoscaling").describe_notification_configurations()
    return [entry["TopicARN"] for entry in answer["NotificationConfigurations"]]
