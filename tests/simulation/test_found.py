"""Faults that the simulation has found in the runtime, each as the smallest story that it took."""

import asyncio

from runtime.actions.edits import Edit
from runtime.messaging.topology import LEAST_LIMIT
from tests.simulation.clock import Process
from tests.simulation.faults import Faults, Once, StrikeWhen, freeze, kill
from tests.simulation.schedules import folder
from tests.simulation.world import PAUSES_SECONDS, Story, World


async def a_job_that_fails_with_a_product(world: World) -> None:
    world.send("job", "metadata")
    await asyncio.sleep(1)
    await world.until_settled()


async def a_job_that_fails_once(world: World) -> None:
    world.send("job", "fails ok")
    await asyncio.sleep(1)
    await world.until_settled()


async def a_job(world: World) -> None:
    world.send("job", Seconds="10")
    await asyncio.sleep(1)
    await world.until_settled()


def live(
    story: Story, faults: Faults, *, clients_transfer: bool = True, foreign: bool = False, **event: int
) -> None:
    with folder() as place, World(place, faults, foreign=foreign, **event) as world:
        world.clients_transfer = clients_transfer
        try:
            world.run(story)
        except BaseException:
            print(world.told())
            raise
        assert "FAULT" in world.told()


def test_a_file_of_a_failed_run_goes_although_the_file_manager_could_not_do_it_at_once() -> None:
    """The worker took the fault for: the file may be another product's."""
    live(a_job_that_fails_with_a_product, Once("fault before", "filemgr.removeUnusedFile"))


def test_a_product_of_a_failed_run_goes_although_the_file_manager_was_ill_when_asked_for_it() -> None:
    """The worker took the fault for: there is no such product."""
    live(a_job_that_fails_with_a_product, Once("fault before", "filemgr.getProductById"))


def test_a_file_that_the_catalogue_alone_has_named_goes_after_a_removal_that_broke_off() -> None:
    """The entry was gone, and with it all that was known of the file."""
    faults = Once("answer lost", "filemgr.removeProduct")
    live(a_job_that_fails_with_a_product, faults, clients_transfer=False)


def test_a_product_that_its_client_takes_back_is_none_of_a_run_that_succeeded() -> None:
    """A product that had been received was forgotten, so that its removal was not on record."""
    # The first answer is the File Manager's to the gateway, the second the gateway's to the client.
    live(a_job, Once("answer lost", "filemgr.setProductTransferStatus", time=2))


def test_a_product_is_none_of_a_run_that_succeeded_also_when_its_gateway_dies_while_it_is_taken_back() -> (
    None
):
    """The removal was put on record after it was done, or not at all."""

    class AnswerLostThenKilled(Once):
        def strikes(self, world: World, process: Process, step: int) -> bool:
            if process.name.endswith(".gateway") and world.trace[-1][2] == "answer filemgr.removeProduct":
                kill(world, process, container=False)
                return True
            return False

    live(a_job, AnswerLostThenKilled("answer lost", "filemgr.setProductTransferStatus", time=2))


def test_a_file_that_a_frozen_crawler_stores_after_its_run_was_given_up_goes_too() -> None:
    """Its product was removed before, and nobody looked for the file again."""
    faults = StrikeWhen("answer filemgr.addProductReferences", ".wmgr", seconds=200)
    live(a_job, faults, job_timeout=30, max_attempts=1)


def test_a_run_that_a_frozen_workflow_manager_begins_late_keeps_no_slot() -> None:
    """It was given up before it began, so that nobody stopped it, and it had its thread for ever."""

    async def story(world: World) -> None:
        await asyncio.sleep(1)
        freeze(world, world.containers[0].processes["wmgr"], seconds=90)
        world.send("job", "hangs ok")
        await asyncio.sleep(1)
        await world.until_settled()

    live(story, Faults(), workers=1)


def test_a_copy_that_comes_back_while_its_announcement_is_held_up_is_not_acknowledged_with_the_first() -> (
    None
):
    """It joined the messages that were being answered: no message was left, and no verdict."""
    live(a_job_that_fails_once, Once("stall", "event.RETRYING"))


def test_a_message_without_an_id_that_waited_for_a_slot_is_not_taken_for_its_twin() -> None:
    """It was deferred before anybody had looked whose id it has, and was then believed to have it."""

    async def story(world: World) -> None:
        world.send("job", "stuck")
        await asyncio.sleep(115)  # the job is dead by then, and its task still has its slot
        world.send_twins(Seconds="30")
        await asyncio.sleep(1)
        await world.until_settled()

    live(story, Once("stall", "event.SUCCEEDED"), max_workflows=1, max_attempts=1)


def test_a_removal_for_a_dead_job_that_takes_long_spares_the_run_that_a_redrive_has_begun_meanwhile() -> None:
    """It began anew after a minute without an answer, and took the products of all runs by then."""

    async def story(world: World) -> None:
        world.slow_seconds = (90.0,)
        world.send("job", "metadata ok", Seconds="1")
        await asyncio.sleep(1)
        await world.until_settled()
        world.send_again("job")
        await asyncio.sleep(1)
        world.redrive()
        await asyncio.sleep(1)
        await world.until_settled()

    live(story, Once("slow answer", "filemgr.closeRun", time=3), max_workflows=1)


def test_a_file_that_a_frozen_crawler_stores_goes_although_the_share_fails_at_that_time() -> None:
    """The worker looked for it once, and forgot the run when that failed."""

    async def story(world: World) -> None:
        world.send("job", Seconds="1")
        await asyncio.sleep(190)
        world.broken_until = world.loop.now + 60
        await asyncio.sleep(70)

    faults = StrikeWhen("answer filemgr.addProductReferences", ".wmgr", seconds=200)
    live(story, faults, job_timeout=30, max_attempts=1)


def test_an_announcement_that_the_broker_refuses_does_not_fail_a_cancellation() -> None:
    """The job was cancelled, and the operator was told of an error of the status service."""

    async def story(world: World) -> None:
        world.send("job", "hangs")
        await asyncio.sleep(20)
        world.cancel("job")
        await asyncio.sleep(1)
        await world.until_settled()

    live(story, Once("refusal", "event.CANCELLED"))


def test_a_message_that_comes_back_again_and_again_is_not_dropped_by_a_broker_of_somebody_elses() -> None:
    """Its queue has RabbitMQ's default limit of 20 returns, and no dead letters."""

    async def story(world: World) -> None:
        world.send("job", Seconds="2000")
        for _ in range(2 * LEAST_LIMIT):
            await asyncio.sleep(15)
            for session in [each for each in world.rabbitmq.sessions if each.name.endswith("jobs")]:
                world.note("FAULT: the connection is cut")
                session.close_here()
                session.close_there("cut")
        world.containers[0].kill()
        await asyncio.sleep(1)
        await world.until_settled()

    live(story, Faults(), foreign=True, workers=1, job_timeout=3000)


async def a_dead_job_that_is_edited(world: World) -> None:
    world.send("job", "fails", Seconds="1")
    await asyncio.sleep(1)
    await world.until_settled()
    world.redrive(Edit(set={"Plan": "ok"}))
    await asyncio.sleep(1)
    await world.until_settled()
    world.redrive()
    await asyncio.sleep(1)
    await world.until_settled()


def test_a_dead_job_runs_again_with_edited_metadata_and_its_old_message_is_no_job_of_its_own() -> None:
    """An edit that breaks off leaves the old message in the dead queue, and a redrive puts it back."""
    for faults in (Faults(), Once("redrive broken off", "")):
        with folder() as place, World(place, faults, max_attempts=1) as world:
            world.run(a_dead_job_that_is_edited)
            ends = [path.name for path in (world.ledger / "event").glob("job*")]
            assert ends == ["job"], world.told()
            last = max((world.ledger / "event" / "job").glob("*.json")).read_text()
            assert '"SUCCEEDED"' in last, world.told()


async def a_pause_that_outlives_everything(world: World) -> None:
    world.send("before", Seconds="90")
    await asyncio.sleep(20)
    world.pause()
    await asyncio.sleep(2 * PAUSES_SECONDS)
    for number in range(4):
        world.send(f"job-{number}")
    world.note("FAULT: everything is killed and started again")
    world.containers[0].kill()
    world.status.kill()
    world.rabbitmq.stop()
    await asyncio.sleep(10)
    world.rabbitmq.start()
    await asyncio.sleep(200)
    assert sorted(path.name for path in (world.ledger / "event").iterdir()) == ["before"]
    world.resume()


def test_no_job_of_a_paused_event_begins_whatever_is_restarted_and_those_that_run_go_on() -> None:
    live(a_pause_that_outlives_everything, Faults(), workers=2)
