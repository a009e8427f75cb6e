"""The console in a real browser, on a real status service and a real broker."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, expect

from runtime.status_service.console.render import group_path
from testing.commands import WAIT, finish, start_submit, submit
from testing.oodt import docker
from testing.rabbitmq import VirtualHost
from testing.waiting import BUSY, until
from testing.worker import Site, Worker
from tests.integration.browser import Console, chromium
from tests.integration.status import LOOK_TOKEN, TOKEN, Status

EVENT = ("--event", "test-workflow")
ASSETS = "/usr/local/oodt/share/console"
VIEWS = (
    *("/", "/batches", "/batches/test-workflow/good", "/jobs", "/jobs?state=DEAD&event=test-workflow"),
    *("/jobs/test-workflow/good.1", "/jobs/test-workflow/bad.1", "/jobs/test-workflow/bad.1/story"),
    *("/dead", "/workflows", "/workflows/test-workflow", "/swarm", "/changes", "/nothing"),
)
# A change shall be on the screen within a second of the announcement; the rest is for a slow machine.
SOON = BUSY * 3_000
# What each row and each total says, all of them of one moment.
READ = """() => {
  const number = (cell) => Number(cell.textContent.replaceAll(",", ""));
  const of = (selector) => [...document.querySelectorAll(selector)].map(number);
  const sum = (numbers) => numbers.reduce((a, b) => a + b, 0);
  return {
    rows: Object.fromEntries(["QUEUED", "RUNNING", "RETRYING"].map(
      (state) => [state, sum(of(`[data-batch] [data-state=${state}]`))])),
    totals: Object.fromEntries(["QUEUED", "RUNNING", "RETRYING"].map(
      (state) => [state, sum(of(`[data-total=${state}]`))])),
    busy: sum(of("[data-busy]")),
    batch: sum(of("[data-batch=forty] [data-state]")),
    succeeded: sum(of("[data-batch=forty] [data-state=SUCCEEDED]")),
  };
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="session")
def assets(oodt_image: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What pages load of other projects, as the image has it."""
    folder = tmp_path_factory.mktemp("assets")
    container = docker("create", oodt_image, "status").stdout.strip()
    try:
        docker("cp", f"{container}:{ASSETS}/.", str(folder))
    finally:
        docker("rm", container)
    return folder


@pytest.fixture
def status(site: Site, vhost: VirtualHost, assets: Path) -> Iterator[Status]:
    service = Status(site=site, vhost=vhost, assets=assets)
    service.start()
    yield service
    service.stop()


@pytest.fixture
def make_console(browser: Browser, status: Status) -> Iterator[Callable[..., Console]]:
    """Opens consoles: ``make_console(color_scheme="dark")``. At their end, the browser has not complained."""
    made: list[Console] = []

    def make(**options: Any) -> Console:
        made.append(Console(page=browser.new_context(**options).new_page(), url=status.url))
        return made[-1]

    yield make
    for console in made:
        console.page.context.close()
        # The views of what is not there say so with a status code, which the browser takes for an error.
        assert [text for text in console.complaints if "status of 404" not in text] == []


@pytest.fixture
def console(make_console: Callable[..., Console]) -> Console:
    console = make_console()
    console.log_in(TOKEN)
    return console


@pytest.fixture
def worker(make_worker: Callable[..., Worker]) -> Worker:
    """A worker whose jobs are dead after one try."""
    worker = make_worker(settings={"MAX_ATTEMPTS": "1"})
    worker.start()
    return worker


@pytest.mark.parametrize(
    ("scheme", "width"), [("light", 1280), ("dark", 1280), ("light", 360), ("dark", 360)]
)
@pytest.mark.usefixtures("worker")
def test_every_view_is_for_everybody_in_light_and_dark_and_on_a_phone(
    make_console: Callable[..., Console],
    site: Site,
    status: Status,
    scheme: Literal["light", "dark"],
    width: int,
) -> None:
    for batch, jobs in (("good", ("--jobs", "2")), ("bad", ("--jobs", "2", "--metadata", "Fail=exit"))):
        submit(site.broker_url, "--batch-id", batch, *jobs, *WAIT)
    console = make_console(color_scheme=scheme, viewport={"width": width, "height": 900})
    console.page.goto(status.url)
    assert console.barriers() == []
    console.log_in(TOKEN if scheme == "dark" else LOOK_TOKEN)
    [dead] = status.get("reasons")["reasons"]
    for view in (*VIEWS, group_path("test-workflow", dead["reason"])):
        console.open(view)
        assert console.barriers() == [], view
        assert console.overflow() == 0, view


def test_a_task_of_a_workflow_is_reached_by_the_keyboard_and_says_what_a_job_needs(
    console: Console, worker: Worker, status: Status
) -> None:
    until(lambda: status.get("overview")["queues"], what="queues")
    console.open("/")
    console.page.get_by_role("region", name="Queues").get_by_role("link", name="test-workflow").focus()
    console.page.keyboard.press("Enter")
    tasks = console.page.get_by_role("list", name="Tasks of Test Workflow, in their order")
    expect(tasks.get_by_role("listitem")).to_have_count(2)
    tasks.get_by_role("link", name="Test Workflow Task 2").focus()
    console.page.keyboard.press("Enter")
    assert console.page.url == f"{status.url}/workflows/test-workflow#task-1-2"
    task = console.page.locator("#task-1-2")
    expect(task).to_be_in_viewport()
    expect(task).to_contain_text("Dataset, Project, Run")


def test_a_token_becomes_a_session_that_no_script_can_read(
    make_console: Callable[..., Console], status: Status
) -> None:
    console = make_console()
    console.log_in(LOOK_TOKEN, "/jobs?state=DEAD")
    assert console.page.url == f"{status.url}/jobs?state=DEAD"
    expect(console.page.get_by_role("button", name="Log out (look)")).to_be_visible()
    [cookie] = console.page.context.cookies()
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")
    assert LOOK_TOKEN not in cookie["value"]
    assert console.page.evaluate("document.cookie + JSON.stringify(localStorage)") == "{}"
    assert console.complaints == []
    console.page.get_by_role("button", name="Log out").click()
    console.page.get_by_label("Token").wait_for()
    assert console.page.context.cookies() == []
    # A view that was about to be updated has no session any more.
    console.complaints[:] = [text for text in console.complaints if "status of 401" not in text]


def test_changes_are_on_the_screen_without_reloading_and_after_a_restart_too(
    console: Console, worker: Worker, site: Site, status: Status
) -> None:
    console.open("/batches")
    console.page.evaluate("window.sameDocument = true")
    for batch in ("first", "second"):
        done = submit(site.broker_url, "--jobs", "2", "--batch-id", batch, *WAIT)
        assert done.code == 0, done.stderr
        row = console.page.locator(f"[data-batch={batch}]")
        expect(row.locator("[data-state=SUCCEEDED]")).to_have_text("2", timeout=SOON)
        if batch == "first":
            assert console.complaints == []
            status.kill()
            console.page.locator("#live.off").wait_for()
            status.start()
            console.page.locator("#live.on").wait_for()
            # The browser tells of each try while the service was dead, or opened its history.
            console.complaints.clear()
    assert console.page.evaluate("window.sameDocument")


@pytest.mark.parametrize("view", ["/", "/jobs", "/batches/test-workflow/few"])
def test_two_hundred_changes_leave_nothing_behind_in_the_browser(
    console: Console, worker: Worker, site: Site, view: str
) -> None:
    assert submit(site.broker_url, "--jobs", "2", "--batch-id", "few", *WAIT).code == 0
    console.open(view)
    console.update(20)
    before = console.keeps()
    console.update(200)

    def gained(kept: str) -> float:
        return console.keeps()[kept] - before[kept]

    # Less than one a change: the view's own content may have grown. What is still under way goes on its own.
    until(lambda: gained("Nodes") < 200, what="that no nodes are left")
    until(lambda: gained("JSEventListeners") < 200, what="that no listeners are left")


def test_no_screen_contradicts_itself_from_submission_to_the_end(
    console: Console, make_worker: Callable[..., Worker], site: Site, status: Status
) -> None:
    make_worker(settings={"MAX_WORKFLOWS": "8"}).start()
    until(lambda: status.get("overview")["nodes"], what="slots")
    console.open("/")
    gate = site.folder / "go-on"
    metadata = ("--metadata", "Seconds=1", "--metadata", f"Until={gate}")
    jobs = ("--jobs", "40", "--batch-id", "forty", *metadata)
    running = start_submit(site.broker_url, *EVENT, *jobs, *WAIT)
    console.page.locator("[data-batch=forty]").wait_for()
    seen = []

    def look() -> bool:
        screen = console.page.evaluate(READ)
        seen.append(screen)
        assert screen["rows"] == screen["totals"], screen
        assert screen["busy"] == screen["totals"]["RUNNING"] <= 8, screen
        assert screen["batch"] == 40, screen
        told = status.get("overview")
        [batch] = told["batches"]
        [queue] = [each for each in told["queues"] if each["event"] == "test-workflow"]
        assert batch["queued"] == queue["queued"], told
        assert batch["states"].get("RUNNING", 0) == queue["taken"], told
        assert sum(node["busy"] for node in told["nodes"]) == queue["taken"], told
        console.page.wait_for_timeout(1000)
        return bool(screen["succeeded"] == 40)

    until(lambda: look() or seen[-1]["busy"] == 8, what="eight busy slots")
    gate.touch()
    until(look, seconds=90, what="the end of all jobs")
    assert finish(running).code == 0
    assert seen[0]["totals"]["QUEUED"] > 0


def test_the_cause_of_a_dead_job_is_two_clicks_away(
    console: Console, worker: Worker, site: Site, status: Status
) -> None:
    submit(site.broker_url, "--jobs", "3", "--batch-id", "bad", "--metadata", "Fail=exit", *WAIT)
    until(lambda: status.get("reasons")["reasons"], what="reasons")
    console.open("/")
    reasons = console.page.get_by_role("region", name="Reasons", exact=True)
    expect(reasons.get_by_role("link", name="3", exact=True)).to_be_visible()
    reasons.get_by_role("link", name="bad.").click()
    expect(console.page.get_by_role("heading", name="Job bad.")).to_be_visible()
    expect(console.page.get_by_text("its program did not exit with 0").first).to_be_visible()
    expect(console.page.locator("#part").get_by_text("Fail", exact=True)).to_be_visible()
    console.page.get_by_role("link", name="Job before").click()
    expect(console.page.get_by_role("region", name="Runs").get_by_role("row")).to_have_count(2)


def test_a_dead_job_runs_again_with_other_metadata_and_the_change_is_on_record(
    make_console: Callable[..., Console], worker: Worker, site: Site, status: Status
) -> None:
    submit(site.broker_url, "--jobs", "2", "--batch-id", "bad", "--metadata", "Fail=exit", *WAIT)
    until(lambda: len(status.get("jobs?batch=bad&state=DEAD")["jobs"]) == 2, what="dead jobs")
    console = make_console()
    console.log_in(TOKEN, "/jobs/test-workflow/bad.1", name="Ada")
    console.page.get_by_label("Fail").fill("no")
    console.page.get_by_role("button", name="Run again").click()
    dialog = console.page.get_by_role("dialog")
    expect(dialog).to_contain_text("Fail=no")
    expect(dialog).to_contain_text("1 job")
    assert console.barriers() == []
    console.page.get_by_role("button", name="Do it").click()
    expect(console.page.get_by_role("heading", name="Job bad.1 succeeded")).to_be_visible()
    assert status.get("jobs/test-workflow/bad.2")["state"] == "DEAD"
    console.open("/changes")
    expect(console.page.get_by_role("row").nth(1)).to_contain_text("Ada")


def test_all_jobs_that_are_dead_for_one_reason_run_again_with_other_metadata_in_one_action(
    console: Console, worker: Worker, site: Site, status: Status
) -> None:
    jobs = ("--jobs", "3", "--metadata", "Fail=exit")
    submit(site.broker_url, "--batch-id", "bad", *jobs, *WAIT)
    submit(site.broker_url, "--batch-id", "odd", "--jobs", "1", "--metadata", "Fail=output", *WAIT)
    until(lambda: len(status.get("reasons")["reasons"]) == 2, what="reasons")
    console.open("/")
    reasons = console.page.get_by_role("region", name="Reasons", exact=True)
    reasons.get_by_role("link", name="did not exit with 0").click()
    expect(console.page.get_by_role("heading", name="3 dead jobs of test-workflow")).to_be_visible()
    console.page.get_by_label("Fail").fill("no")
    console.page.get_by_label("Another field").fill("Mended")
    console.page.get_by_label("its value").fill("yes")
    console.page.get_by_role("button", name="Run again").click()
    expect(console.page.get_by_role("dialog")).to_contain_text("Run 3 jobs again with Fail=no, Mended=yes?")
    console.page.get_by_role("button", name="Do it").click()
    expect(console.page.get_by_text("No job is dead for this reason now")).to_be_visible()
    expect(console.page.get_by_role("button", name="Run again")).to_be_hidden()
    until(lambda: len(status.get("jobs?batch=bad&state=SUCCEEDED")["jobs"]) == 3, what="their success")
    assert status.get("jobs/test-workflow/odd.1")["state"] == "DEAD"


def test_what_an_action_would_do_is_said_before_and_a_no_leaves_all_as_it_is(
    console: Console, worker: Worker, status: Status
) -> None:
    until(lambda: status.get("overview")["queues"], what="queues")
    console.open("/workflows")
    pause = console.page.get_by_role("button", name="Pause: test-workflow")
    for answer in ("No", "Do it"):
        pause.click()
        expect(console.page.get_by_role("dialog")).to_contain_text("0 jobs of test-workflow wait")
        console.page.get_by_role("button", name=answer, exact=True).click()
        expect(console.page.get_by_role("dialog")).to_be_hidden()
        if answer == "No":
            expect(pause).to_be_visible()
    resume = console.page.get_by_role("button", name="Resume: test-workflow")
    resume.click()
    console.page.get_by_role("button", name="Do it").click()
    expect(pause).to_be_visible()


def test_who_may_look_only_sees_no_action(
    make_console: Callable[..., Console], worker: Worker, status: Status
) -> None:
    until(lambda: status.get("overview")["queues"], what="queues")
    console = make_console()
    console.log_in(LOOK_TOKEN)
    console.open("/workflows")
    expect(console.page.get_by_role("heading", name="test-workflow")).to_be_visible()
    expect(console.page.locator("[data-act]")).to_have_count(0)


def test_a_product_is_downloaded_from_its_jobs_view(
    console: Console, worker: Worker, site: Site, status: Status
) -> None:
    assert submit(site.broker_url, "--jobs", "1", "--batch-id", "good", *WAIT).code == 0
    until(lambda: status.get("jobs?batch=good&state=SUCCEEDED")["jobs"], what="history")
    console.open("/jobs/test-workflow/good.1")
    link = console.page.locator(".products a").first
    name = link.inner_text()
    with console.page.expect_download() as download:
        link.click()
    archived = site.folder / "work" / "archive" / name
    assert download.value.path().read_bytes() == archived.read_bytes()


def test_a_job_is_found_by_the_keyboard_alone(
    console: Console, worker: Worker, site: Site, status: Status
) -> None:
    assert submit(site.broker_url, "--jobs", "2", "--batch-id", "good", *WAIT).code == 0
    until(lambda: status.get("jobs?batch=good&state=SUCCEEDED")["jobs"], what="history")
    console.open("/")
    console.page.keyboard.press("/")
    console.page.keyboard.type("good.2")
    console.page.keyboard.press("Enter")
    found = console.page.get_by_role("region", name="Jobs").get_by_role("link", name="good.2")
    found.focus()
    console.page.keyboard.press("Enter")
    expect(console.page.get_by_role("heading", name="Job good.2")).to_be_visible()
