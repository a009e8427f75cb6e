"""What a redrive reports of jobs that have several messages."""

from runtime.actions.redrive import Report, counted
from runtime.messaging.announcements import Touched


def test_a_job_with_two_messages_counts_once() -> None:
    report = Report(event="e")
    for job in ("b.1", "b.1", "b.2"):
        report.add(Touched(job=job, batch="b"))
    report.leave("b.3")
    report.leave("b.3")
    assert (counted(report), report.jobs, report.left) == ("2 jobs of 1 batch", ["b.1", "b.2"], 1)


def test_a_job_of_which_one_message_is_redriven_does_not_stay_dead() -> None:
    report = Report(event="e")
    report.leave("b.1")
    report.add(Touched(job="b.1", batch="b"))
    assert (report.redriven, report.left) == (1, 0)


def test_a_redrive_that_has_not_had_its_turn_says_what_it_waits_for() -> None:
    report = Report(event="e")
    assert report.so_far().startswith("it waits for the broker")
    report.messages = 3
    assert report.so_far() == "0 of 3 messages read, 0 jobs fit"
