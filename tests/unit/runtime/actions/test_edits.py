"""A dead job's message with other metadata is still that job's."""

import pika
import pytest

from runtime.actions.edits import Edit, again
from runtime.messaging import messages
from runtime.messaging.messages import Poison

DEAD = messages.republished(
    messages.properties_of("b.1", batch="b", priority=4), job="b.1", reason="exit 1", log="no such file"
)
BODY = messages.encode({"A": "1", "B": ["2", "3"]})


def edited(edit: Edit | None, properties: pika.BasicProperties = DEAD, body: bytes = BODY) -> messages.Job:
    made, content, _ = again("e", properties, body, redrive="token", edit=edit)
    return messages.decode("e", made, content)


def test_an_edit_keeps_all_but_the_values_that_it_names() -> None:
    job = edited(Edit(set={"A": "x", "C": "new"}, unset=frozenset({"B"})))
    assert (job.id, job.batch, job.priority, job.redrive) == ("b.1", "b", 4, "token")
    assert job.metadata == {"A": "x", "C": "new"}
    assert job.edited == (messages.decode("e", DEAD, BODY).digest,)


def test_an_edit_tells_the_values_that_it_replaces() -> None:
    _, _, before = again(
        "e", DEAD, BODY, redrive="t", edit=Edit(set={"A": "x", "C": "n"}, unset=frozenset("B"))
    )
    assert before == {"A": "1", "B": ["2", "3"], "C": None}


def test_a_second_edit_names_all_that_was_replaced_the_newest_first() -> None:
    first, body, _ = again("e", DEAD, BODY, redrive="one", edit=Edit(set={"A": "x"}))
    job = edited(Edit(set={"A": "y"}), first, body)
    assert job.edited == (messages.decode("e", first, body).digest, messages.decode("e", DEAD, BODY).digest)


@pytest.mark.parametrize("edit", [None, Edit(set={"A": "1"}), Edit(unset=frozenset({"none"}))])
def test_without_a_change_it_is_a_redrive_and_the_message_stays_as_it_was(edit: Edit | None) -> None:
    made, content, before = again("e", DEAD, BODY, redrive="token", edit=edit)
    assert (content, before, messages.edits_of(made)) == (BODY, {}, ())


def test_a_message_that_nobody_can_read_becomes_a_job_by_an_edit() -> None:
    job = edited(Edit(set={"A": "1"}), body=b"no JSON")
    assert (job.id, job.metadata) == ("b.1", {"A": "1"})


def test_values_that_no_job_can_have_are_refused() -> None:
    with pytest.raises(Poison, match="JobId"):
        Edit(set={"JobId": "1"})
