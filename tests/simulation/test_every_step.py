"""One job on two workers: at each step in turn a process dies or freezes, or what it does fails."""

import asyncio

import pytest

from tests.simulation.faults import FaultAt, Faults, StrikeAt
from tests.simulation.schedules import folder
from tests.simulation.world import Story, World

# So many steps are left out between two in the short form.
STRIDE = 25


async def fails_then_succeeds(world: World) -> None:
    world.send("job", "fails ok")
    await settled(world)


async def reaches_its_time_limit_while_it_ingests(world: World) -> None:
    world.send("job", "crawls ok", Seconds="1")
    await settled(world)


async def is_dead_and_redriven(world: World) -> None:
    world.send("job", "metadata ok")
    await settled(world)
    world.redrive()
    await settled(world)


async def is_cancelled_in_the_middle_of_a_run(world: World) -> None:
    world.send("job", "hangs")
    await asyncio.sleep(20)
    world.cancel("job")
    await settled(world)


async def is_sent_without_an_id(world: World) -> None:
    world.send(None, "fails ok")
    await settled(world)


async def settled(world: World) -> None:
    # A message that has been sent is in no queue for a moment when it expires.
    await asyncio.sleep(1)
    await world.until_settled()


STORIES = (
    fails_then_succeeds,
    reaches_its_time_limit_while_it_ingests,
    is_dead_and_redriven,
    is_cancelled_in_the_middle_of_a_run,
    is_sent_without_an_id,
)


class Counted(Faults):
    """Nothing goes wrong, and how often something could is counted."""

    def __init__(self) -> None:
        super().__init__()
        self.steps = 0
        self.questions = 0

    def strikes(self, world: World, process: object, step: int) -> bool:
        self.steps += self.active
        return False

    def happens(self, world: World, kind: str, about: str) -> bool:
        self.questions += self.active
        return False


def live(story: Story, faults: Faults) -> None:
    with folder() as place, World(place, faults, max_workflows=1, job_timeout=90) as world:
        try:
            world.run(story)
        except BaseException:
            print(world.told())
            raise


def live_at_each(story: Story, how: str, *, stride: int) -> None:
    counted = Counted()
    live(story, counted)
    number = counted.questions if how == "fault" else counted.steps
    for at in range(1, number + 1, stride):
        live(story, FaultAt(at) if how == "fault" else StrikeAt(at, how))


@pytest.mark.parametrize("how", ["process", "container", "freeze", "fault"])
@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_a_job_that(story: Story, how: str) -> None:
    live_at_each(story, how, stride=STRIDE)


@pytest.mark.slow
@pytest.mark.parametrize("how", ["process", "container", "freeze", "fault"])
@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_at_each_step_a_job_that(story: Story, how: str) -> None:
    live_at_each(story, how, stride=1)
