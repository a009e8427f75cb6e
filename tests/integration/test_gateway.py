"""The gateway before Workflow Manager and File Manager, as clients see it."""

import http.client
import json
import random
import socket
import xmlrpc.client
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pika
import pytest

from testing.rabbitmq import RabbitMQ, VirtualHost
from testing.waiting import until
from testing.worker import Site, Worker

CALL = b"<?xml version='1.0'?><methodCall><methodName>%s</methodName><params>%s</params></methodCall>"
REQUEST_SECONDS = 30


class Http10(http.client.HTTPConnection):
    """A client of the time of OODT 0.3."""

    _http_vsn = 10
    _http_vsn_str = "HTTP/1.0"


def post(
    url: str, body: bytes, *, client: type[http.client.HTTPConnection] = http.client.HTTPConnection
) -> tuple[int, bytes]:
    """Status and body of the answer to a POST."""
    connection = client(urlsplit(url).netloc, timeout=REQUEST_SECONDS)
    try:
        connection.request("POST", "/", body, {"Content-Type": "text/xml"})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def get(url: str, path: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=REQUEST_SECONDS)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def server(url: str) -> xmlrpc.client.ServerProxy:
    return xmlrpc.client.ServerProxy(url)


def runs(worker: Worker) -> list[str]:
    """The runs that its Workflow Manager has begun."""
    return [path.name for path in (worker.run_dir / "runs").iterdir()]


@pytest.fixture
def gateway(make_worker: Callable[..., Worker]) -> Iterator[Worker]:
    """A worker that makes messages of handleEvent; no consumer takes them."""
    worker = make_worker(settings={"PROXY": "true"})
    worker.start("manager", "gateway")
    yield worker


@pytest.mark.parametrize("client", [http.client.HTTPConnection, Http10])
@pytest.mark.parametrize(
    "body",
    [
        CALL % (b"workflowmgr.getRegisteredEvents", b""),
        CALL % (b"workflowmgr.noSuchMethod", b"<param><value>x</value></param>"),
        CALL % (b"workflowmgr.getTaskById", b"<param><value>urn:\xc3\xa9</value></param>"),
    ],
)
def test_calls_and_answers_go_through_byte_for_byte(
    gateway: Worker, body: bytes, client: type[http.client.HTTPConnection]
) -> None:
    assert post(gateway.gateway_url, body, client=client) == post(gateway.manager_url, body)


def test_an_event_becomes_a_message_that_a_consumer_understands(gateway: Worker, vhost: VirtualHost) -> None:
    metadata = {"Dataset": ["abc"], "Run": "1", "Files": ["a", "b"]}
    assert server(gateway.gateway_url).workflowmgr.handleEvent("test-workflow", metadata) is True
    taken = vhost.take("test-workflow")
    assert taken is not None
    properties, body = taken
    assert json.loads(body) == metadata
    assert properties.message_id
    assert properties.delivery_mode == 2


@pytest.mark.parametrize(
    ("prolog", "method", "encoding"),
    [
        (f"<!--{'x' * 1100}-->", "workflowmgr.handleEvent", "utf-8"),
        ("<!--<methodName>workflowmgr.getWorkflows</methodName>-->", "workflowmgr.handleEvent", "utf-8"),
        ("", "<![CDATA[workflowmgr.handleEvent]]>", "utf-8"),
        ("", "workflowmgr&#46;handleEvent", "utf-8"),
        ("<?xml version='1.0' encoding='UTF-16'?>", "workflowmgr.handleEvent", "utf-16"),
    ],
)
def test_an_event_becomes_a_message_however_its_call_is_written(
    gateway: Worker, vhost: VirtualHost, prolog: str, method: str, encoding: str
) -> None:
    call = prolog + xmlrpc.client.dumps(("test-workflow", {"Run": "1"}), "METHOD").partition("?>")[2]
    answer = post(gateway.gateway_url, call.replace("METHOD", method).encode(encoding))[1]
    assert xmlrpc.client.loads(answer)[0] == (True,)
    assert vhost.take("test-workflow") is not None
    assert not runs(gateway)


@pytest.mark.parametrize(
    "damage",
    [
        ("<methodCall>", "<methodCall><methodName>workflowmgr.getWorkflows</methodName>"),
        ("<methodCall>", "<!-- -- --><methodCall>"),
        ("<value><string>1", "<value><int>one</int></value><value><string>1"),
        ("</methodCall>", ""),
    ],
)
def test_what_may_be_an_event_and_cannot_be_read_is_a_fault_and_starts_nothing(
    gateway: Worker, vhost: VirtualHost, damage: tuple[str, str]
) -> None:
    call = xmlrpc.client.dumps(("test-workflow", {"Run": "1"}), "workflowmgr.handleEvent")
    answer = post(gateway.gateway_url, call.replace(*damage).encode())[1]
    with pytest.raises(xmlrpc.client.Fault, match="no XML-RPC call that can be read"):
        xmlrpc.client.loads(answer)
    assert not runs(gateway)
    assert vhost.take("test-workflow") is None


def test_without_proxy_what_cannot_be_read_is_for_the_workflow_manager_to_say(worker: Worker) -> None:
    body = b"<methodCall><methodName>workflowmgr.handleEvent"
    assert post(worker.gateway_url, body) == post(worker.manager_url, body)


def test_an_event_of_high_priority_becomes_a_message_of_high_priority(
    make_worker: Callable[..., Worker], vhost: VirtualHost
) -> None:
    worker = make_worker(
        settings={"PROXY": "true", "EVENTS": '[{"event": "test-workflow", "priority": "high"}]'}
    )
    worker.start("manager", "gateway")
    assert server(worker.gateway_url).workflowmgr.handleEvent("test-workflow", {"Run": "1"}) is True
    taken = vhost.take("test-workflow")
    assert taken is not None and taken[0].priority > 4


def test_an_unknown_event_is_answered_with_false(gateway: Worker) -> None:
    assert server(gateway.gateway_url).workflowmgr.handleEvent("nobody-knows-it", {"Run": "1"}) is False


def test_metadata_that_can_be_no_job_is_a_fault(gateway: Worker) -> None:
    with pytest.raises(xmlrpc.client.Fault, match="metadata field Run holds a JSON object"):
        server(gateway.gateway_url).workflowmgr.handleEvent("test-workflow", {"Run": {"nested": "1"}})


def test_without_proxy_an_event_starts_a_workflow_here(
    worker: Worker, site: Site, vhost: VirtualHost
) -> None:
    assert server(worker.gateway_url).workflowmgr.handleEvent("test-workflow", {"Run": "1"}) is True
    until(lambda: len(site.archived()) == 2, what="archive")
    assert vhost.take("test-workflow") is None


def test_while_the_broker_is_down_an_event_is_a_fault_and_afterwards_it_is_queued(
    gateway: Worker, rabbitmq: RabbitMQ, vhost: VirtualHost
) -> None:
    rabbitmq.stop()
    try:
        with pytest.raises(xmlrpc.client.Fault, match="the job was not queued: no connection to"):
            server(gateway.gateway_url).workflowmgr.handleEvent("test-workflow", {"Run": "1"})
        assert get(gateway.gateway_url, "/healthz")[0] == 503
    finally:
        rabbitmq.start_again()
        rabbitmq.wait()
    until(lambda: get(gateway.gateway_url, "/healthz")[0] == 200, what="healthy gateway")
    assert server(gateway.gateway_url).workflowmgr.handleEvent("test-workflow", {"Run": "2"}) is True
    until(lambda: vhost.messages("test-workflow") == 1, what="message")


def test_a_workflow_manager_that_is_down_is_a_fault_that_says_so(gateway: Worker) -> None:
    gateway.kill("manager")
    with pytest.raises(xmlrpc.client.Fault, match="is not reachable"):
        server(gateway.gateway_url).workflowmgr.getRegisteredEvents()
    status, body = get(gateway.gateway_url, "/healthz")
    assert (status, json.loads(body)["healthy"]) == (503, False)


def test_a_slow_call_holds_up_no_other(worker: Worker) -> None:
    worker.freeze("manager")
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(post, worker.gateway_url, CALL % (b"workflowmgr.getRegisteredEvents", b""))
        assert server(f"http://127.0.0.1:{worker.filemgr_gateway_port}").filemgr.isAlive() is True
        assert not slow.done()
        worker.thaw("manager")
        assert slow.result()[0] == 200


def test_what_is_no_call_breaks_nothing(gateway: Worker) -> None:
    seed = random.randrange(2**32)
    chance = random.Random(seed)
    params = b"<param><value>test-workflow</value></param>"
    calls = [CALL % (method, params) for method in (b"workflowmgr.handleEvent", b"filemgr.ingestProduct")]
    for url in (gateway.gateway_url, f"http://127.0.0.1:{gateway.filemgr_gateway_port}"):
        for _ in range(100):
            body = bytearray(chance.choice(calls))
            for _ in range(chance.randrange(1, 20)):
                body[chance.randrange(len(body))] = chance.randrange(256)
            try:
                status, _ = post(url, bytes(body[: chance.randrange(len(body))]))
            except (ConnectionError, http.client.HTTPException) as error:
                raise AssertionError(f"no answer to a broken call (seed {seed})") from error
            assert status in {200, 400, 500}, f"seed {seed}"
    assert server(gateway.gateway_url).workflowmgr.handleEvent("test-workflow", {"Run": "1"}) is True


def test_what_is_no_post_is_refused(gateway: Worker) -> None:
    assert get(gateway.gateway_url, "/")[0] == 405


def test_a_call_that_is_too_large_is_refused(gateway: Worker) -> None:
    connection = http.client.HTTPConnection(urlsplit(gateway.gateway_url).netloc, timeout=REQUEST_SECONDS)
    connection.putrequest("POST", "/")
    connection.putheader("Content-Length", str(1024**3))
    connection.endheaders()
    assert connection.getresponse().status == 413
    connection.close()


def test_a_client_that_asks_before_it_sends_is_answered(gateway: Worker) -> None:
    body = CALL % (b"workflowmgr.getRegisteredEvents", b"")
    head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n" % len(body)
    with socket.create_connection(("127.0.0.1", gateway.gateway_port), timeout=REQUEST_SECONDS) as client:
        client.sendall(head)
        assert client.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(body)
        expected = post(gateway.manager_url, body)[1]
        with client.makefile("rb") as answer:
            while answer.readline().strip():
                continue
            assert answer.read(len(expected)) == expected


@pytest.mark.parametrize(
    "method",
    [
        *("stopWorkflowInstance", "getWorkflowWallClockMinutes", "getWorkflowInstanceMetadata"),
        *("getWorkflowInstanceById", "updateWorkflowInstance"),
    ],
)
def test_a_call_about_an_instance_that_nobody_knows_is_a_fault_that_says_whom_to_ask(
    gateway: Worker, method: str
) -> None:
    about = {"id": "lost", "status": "FINISHED"} if method == "updateWorkflowInstance" else "lost"
    expected = r"workflow instance lost is not known here: node node1 .*Ask .*`python -m runtime\.status"
    with pytest.raises(xmlrpc.client.Fault, match=expected):
        getattr(server(gateway.gateway_url).workflowmgr, method)(about)


def test_a_call_about_an_instance_that_was_started_here_goes_through_byte_for_byte(gateway: Worker) -> None:
    server(gateway.manager_url).workflowmgr.handleEvent("test-workflow", {"Run": "1", "JobKey": "direct"})
    journal = gateway.run_dir / "runs" / "direct.jsonl"
    until(lambda: '"FINISHED"' in journal.read_text(), what="end of the run")
    journal.unlink()
    for method in (
        b"getWorkflowInstanceMetadata",
        b"getWorkflowWallClockMinutes",
        b"getWorkflowInstanceById",
    ):
        body = CALL % (b"workflowmgr." + method, b"<param><value>direct</value></param>")
        assert post(gateway.gateway_url, body) == post(gateway.manager_url, body)


def test_while_the_workflow_manager_is_down_a_call_about_an_instance_says_so(gateway: Worker) -> None:
    gateway.kill("manager")
    with pytest.raises(xmlrpc.client.Fault, match="is not reachable"):
        server(gateway.gateway_url).workflowmgr.stopWorkflowInstance("lost")


def test_a_call_about_another_containers_workflow_is_passed_on_or_says_where_it_is(
    make_worker: Callable[..., Worker], vhost: VirtualHost
) -> None:
    one, other = make_worker(name="one"), make_worker(name="other")
    one.start()
    other.start("manager", "gateway")
    vhost.publish("test-workflow", b'{"Run": "1"}', pika.BasicProperties(message_id="job", delivery_mode=2))
    until(lambda: "run job succeeded" in one.log("consumer").read_text(), what="run")

    for gateway in (one.gateway_url, other.gateway_url):
        metadata: object = server(gateway).workflowmgr.getWorkflowInstanceMetadata("job")
        assert isinstance(metadata, dict) and metadata["JobKey"] == "job"
    one.kill("gateway")
    with pytest.raises(
        xmlrpc.client.Fault, match=r"workflow instance job is one of node one: .* is not reachable"
    ):
        server(other.gateway_url).workflowmgr.getWorkflowInstanceMetadata("job")
