"""Who may look, who may act, and what a page of another address cannot do."""

import hashlib
import hmac
import http.client
import time
from collections.abc import Iterator, Mapping
from urllib.parse import urlencode

import pytest

from runtime.status_service import access
from runtime.status_service.access import COOKIE, Access
from runtime.status_service.store import Store
from tests.unit.runtime.status_api import LOOK_TOKEN, parts, served

ANSWER_SECONDS = 60
TOKEN = "acts"
CANCEL = "/api/v1/batches/b/cancel"


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    folder = tmp_path_factory.mktemp("status")
    with served(parts(Store(folder / "history.sqlite", keep=10), TOKEN, folder)) as port:
        yield port


def ask(
    port: int, method: str, path: str, headers: Mapping[str, str] | None = None, body: str = ""
) -> tuple[int, http.client.HTTPMessage, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_SECONDS)
    connection.request(method, path, body, headers or {})
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, answer.headers, text


def own(port: int) -> dict[str, str]:
    """What a browser says of a request by a page of this service."""
    return {"Origin": f"http://127.0.0.1:{port}"}


def session(port: int, token: str, next: str = "/jobs") -> dict[str, str]:
    """The headers of a browser that has logged in."""
    form = urlencode({"token": token, "next": next})
    status, headers, _ = ask(port, "POST", "/login", own(port), form)
    assert (status, headers["Location"]) == (303, next if next.startswith("/jobs") else "/")
    cookie = headers["Set-Cookie"]
    assert all(part in cookie for part in ("HttpOnly", "SameSite=strict", "Path=/"))
    assert token not in cookie
    return {"Cookie": cookie.partition(";")[0]}


@pytest.mark.parametrize("path", ["/jobs", "/jobs/e/j", "/nothing", "/live", "/lines", "/session"])
def test_a_browser_that_has_not_logged_in_is_asked_to(port: int, path: str) -> None:
    status, headers, text = ask(port, "GET", path)
    assert (status, headers["Location"].partition("?")[0], text) == (303, "/login", "")


def test_a_part_of_a_page_asks_for_the_whole_page_to_log_in(port: int) -> None:
    status, headers, _ = ask(port, "GET", "/jobs", {"HX-Request": "true"})
    assert (status, headers["HX-Redirect"]) == (401, "/login")


@pytest.mark.parametrize(("token", "may"), [(LOOK_TOKEN, False), (TOKEN, True)])
def test_each_token_opens_a_session_of_its_kind(port: int, token: str, may: bool) -> None:
    cookie = session(port, token)
    assert ask(port, "GET", "/jobs", cookie)[0] == 200
    assert ask(port, "GET", "/api/v1/jobs", cookie)[0] == 200
    # There is no batch b, so whoever may cancel it learns that.
    assert ask(port, "POST", CANCEL, {**cookie, **own(port)})[0] == (404 if may else 403)


def test_the_token_that_looks_changes_nothing_in_the_api(port: int) -> None:
    headers = {"Authorization": f"Bearer {LOOK_TOKEN}"}
    assert ask(port, "GET", "/api/v1/batches", headers)[0] == 200
    for method, path in (("POST", CANCEL), ("DELETE", "/api/v1/history?until=9")):
        status, _, text = ask(port, method, path, headers)
        assert status == 403
        assert "this token may look only" in text


@pytest.mark.parametrize("origin", [None, "null", "http://elsewhere.example", "http://127.0.0.1:1"])
def test_a_page_of_another_address_cannot_act_for_a_session(port: int, origin: str | None) -> None:
    headers = {**session(port, TOKEN), **({"Origin": origin} if origin else {})}
    assert ask(port, "POST", CANCEL, headers)[0] == 403
    assert ask(port, "POST", "/login", {"Origin": origin} if origin else {}, "token=acts")[0] == 403


def test_a_wrong_token_opens_nothing(port: int) -> None:
    status, headers, text = ask(port, "POST", "/login", own(port), "token=wrong")
    assert (status, headers["Set-Cookie"]) == (401, None)
    assert "neither of the cluster" in text


@pytest.mark.parametrize("next", ["//elsewhere.example", "/\\elsewhere.example", "https://elsewhere.example"])
def test_a_log_in_leads_to_this_console_only(port: int, next: str) -> None:
    session(port, TOKEN, next)


def test_to_log_out_ends_the_session_in_the_browser(port: int) -> None:
    status, headers, _ = ask(port, "POST", "/logout", {**session(port, LOOK_TOKEN), **own(port)})
    assert status == 303
    assert f'{COOKIE}=""' in headers["Set-Cookie"]


@pytest.mark.parametrize("changed", ["act.9999999999.x", "act", "", "look", "act.x.y.z"])
def test_nobody_makes_a_session_of_his_own(changed: str) -> None:
    known = Access(act=TOKEN, look=LOOK_TOKEN)
    made = known.open_session("look")
    assert known.role_of_session(made) == "look"
    assert known.role_of_session(made.replace("look", "act")) is None
    assert known.role_of_session(changed) is None
    assert known.role_of_session(f"{changed}.{made.rpartition('.')[2]}") is None
    assert Access(act="other", look="others").role_of_session(made) is None


def test_a_session_says_who_has_opened_it() -> None:
    known = Access(act=TOKEN)
    for name in ("", "Ada Löve.lace", "a\r\nb"):
        assert known.name_of_session(known.open_session("act", name)) == name


def test_a_session_ends_after_some_hours(monkeypatch: pytest.MonkeyPatch) -> None:
    known = Access(act=TOKEN)
    monkeypatch.setattr(access, "SESSION_SECONDS", -1)
    assert known.role_of_session(known.open_session("act")) is None


def test_without_a_token_that_looks_nobody_looks_by_an_empty_one() -> None:
    known = Access(act=TOKEN)
    assert known.role_of_token(b"") is None
    forged = f"look.{int(time.time()) + 60}.x"
    signature = hmac.new(b"", f"session\0{forged}".encode(), hashlib.sha256).hexdigest()
    assert known.role_of_session(f"{forged}.{signature}") is None
