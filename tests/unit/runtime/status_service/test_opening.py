"""What the service answers before its history is there, and after that."""

import json
import urllib.error
import urllib.request
from pathlib import Path

from runtime.status_service.app import application
from runtime.status_service.opening import Opening
from runtime.status_service.store import Store
from tests.unit.runtime.status_api import answering, parts

ANSWER_SECONDS = 60


def get(address: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(address, timeout=ANSWER_SECONDS) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_no_number_is_told_before_the_history_is_there(tmp_path: Path) -> None:
    opening = Opening()
    with answering(opening, opening.end_streams) as port:
        address = f"http://127.0.0.1:{port}"
        opening.tell("the history is brought to this version, step 6 of 6")
        status, text = get(f"{address}/")
        assert (status, "step 6 of 6" in text) == (503, True)
        status, text = get(f"{address}/api/v1/overview")
        assert (status, "step 6 of 6" in json.loads(text)["error"]) == (503, True)
        assert get(f"{address}/healthz")[0] == 200
        store = Store(tmp_path / "history.sqlite", keep=10)
        made = parts(store, "acts", tmp_path)
        opening.open(application(made), made.live.end)
        assert get(f"{address}/login")[0] == 200
        assert json.loads(get(f"{address}/healthz")[1]) == {"healthy": True, "broker": False}
    store.close()
