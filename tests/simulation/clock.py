"""Simulated time, and simulated processes that share one event loop and one thread.

Time stands still while anything is ready, and then jumps to the next timer. What asyncio gives to another
thread runs as a greenlet, which lets the others go on where it asks for a pause.

A process is a context variable: whatever its tasks call or start is the process's too. A process that is
killed is not run any more. What a frozen one should run is held until it thaws.
"""

import asyncio
import contextlib
import contextvars
import heapq
import os
import selectors
from asyncio import events
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

from greenlet import getcurrent, greenlet

# The time that a step on another thread takes before anything else of it happens.
THREAD_SECONDS = 0.0002

PROCESS: contextvars.ContextVar["Process | None"] = contextvars.ContextVar("process", default=None)


class Killed(BaseException):
    """The process was killed before or after the step that raises this."""


class Stalled(Exception):
    """Nothing is ready and no timer runs: the simulation would wait for ever."""


class Process:
    """A process, from its start to its end by a kill."""

    def __init__(self, loop: "Loop", name: str) -> None:
        loop.processes.append(self)
        self._loop = loop
        self.name = name
        self.alive = True
        self.frozen = False
        self.held: list[events.Handle] = []
        self.files: set[int] = set()
        self.readers: dict[int, Callable[..., object]] = {}
        self.ends: list[Callable[[], None]] = []
        self._context = contextvars.Context()
        self._context.run(PROCESS.set, self)

    def spawn(self, coroutine: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        return self._loop.create_task(coroutine, context=self._context.copy())

    @property
    def context(self) -> contextvars.Context:
        """A context in which a callback is this process's."""
        return self._context.copy()

    def kill(self) -> None:
        """End it, as ``kill -9`` does: its files are closed, its connections break."""
        if not self.alive:
            return
        self.alive = False
        self.held.clear()
        self.unread(self.readers)
        for handle in list(self.files):
            os.close(handle)
        self.files.clear()
        for end in self.ends:
            end()

    def freeze(self) -> None:
        self.frozen = True
        self.unread(self.readers)

    def thaw(self) -> None:
        if self.frozen and self.alive:
            self.frozen = False
            self._loop.run_again(self.held)
            self.held = []
            for handle, callback in self.readers.items():
                self._context.run(self._loop.watch, handle, callback)

    def unread(self, handles: Iterable[int]) -> None:
        for handle in handles:
            asyncio.SelectorEventLoop.remove_reader(self._loop, handle)


class _OfProcess(events.Handle):
    """What a process is to run, unless it is frozen or dead."""

    __slots__ = ()
    process: Process

    def _run(self) -> None:
        if self.process.frozen:
            self.process.held.append(self)
        elif self.process.alive:
            super()._run()


class _Step(_OfProcess):
    """What a process is to run as soon as it can."""

    __slots__ = ("process",)


class _Timer(_OfProcess, events.TimerHandle):
    """What a process is to run at a time."""

    __slots__ = ("process",)


class _Selector(selectors.EpollSelector):
    """Never waits: it moves the loop's time instead."""

    loop: "Loop"

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready and timeout != 0:
            if timeout is None:
                raise Stalled
            self.loop.now += timeout
        return ready


class Loop(asyncio.SelectorEventLoop):
    """An event loop whose time is simulated."""

    def __init__(self) -> None:
        self.now = 0.0
        self.tasks: list[asyncio.Task[Any]] = []
        self.processes: list[Process] = []
        selector = _Selector()
        selector.loop = self
        super().__init__(selector)
        self._clock_resolution = 1e-6

    def time(self) -> float:
        return self.now

    def errors(self) -> list[BaseException]:
        """What has ended tasks and nobody has asked for, apart from kills."""
        ended = [task for task in self.tasks if task.done() and task._log_traceback]
        found = [error for task in ended if (error := task.exception()) is not None]
        return [error for error in found if not isinstance(error, Killed)]

    async def end(self) -> None:
        """End all other tasks, so that nothing of them is at work when they are collected."""
        for process in self.processes:
            process.alive, process.frozen = True, False
        left = [task for task in self.tasks if not task.done() and task is not asyncio.current_task()]
        for _ in range(5):
            for task in left:
                task.cancel()
            await asyncio.sleep(0)
        for task in left:
            if not task.done():
                # Nothing will ever wake it: it belonged to a process that was killed.
                task._log_destroy_pending = False
                with contextlib.suppress(RuntimeError):
                    task.get_coro().close()
        for process in self.processes:
            process.kill()
        self.tasks.clear()

    def run_again(self, handles: Iterable[events.Handle]) -> None:
        self._ready.extend(handle for handle in handles if not handle.cancelled())

    def create_task(self, coroutine: Any, **about: Any) -> asyncio.Task[Any]:
        task = super().create_task(coroutine, **about)
        # A task of a killed process must not be collected: that would run what it has in `finally`.
        self.tasks.append(task)
        return task

    def _call_soon(self, callback: Any, args: Any, context: Any) -> events.Handle:
        process = PROCESS.get() if context is None else context.get(PROCESS)
        if process is None:
            handle = events.Handle(callback, args, self, context)
        else:
            handle = _Step(callback, args, self, context)
            handle.process = process
        self._ready.append(handle)
        return handle

    def call_at(self, when: float, callback: Any, *args: Any, context: Any = None) -> events.TimerHandle:
        process = PROCESS.get() if context is None else context.get(PROCESS)
        if process is None:
            return super().call_at(when, callback, *args, context=context)
        handle = _Timer(when, callback, args, self, context)
        handle.process = process
        heapq.heappush(self._scheduled, handle)
        handle._scheduled = True
        return handle

    def add_reader(self, fd: Any, callback: Callable[..., object], *args: Any) -> None:
        process = PROCESS.get()
        assert process is not None and not args
        process.readers[fd] = callback
        self.watch(fd, callback)

    def watch(self, fd: int, callback: Callable[..., object]) -> None:
        super().add_reader(fd, callback)

    def remove_reader(self, fd: Any) -> bool:
        if process := PROCESS.get():
            process.readers.pop(fd, None)
        return super().remove_reader(fd)

    def run_in_executor(self, executor: Any, func: Any, *args: Any) -> Any:
        future = self.create_future()
        worker = greenlet(lambda: func(*args))
        self.call_later(THREAD_SECONDS, self._advance, worker, future)
        return future

    def _advance(self, worker: greenlet, future: asyncio.Future[Any]) -> None:
        try:
            answer = worker.switch()
        except Killed:
            return
        except Exception as error:
            if not future.done():
                future.set_exception(error)
            return
        if not worker.dead:
            self.call_later(answer, self._advance, worker, future)
        elif not future.done():
            future.set_result(answer)


def pause(seconds: float) -> None:
    """Let others go on, if this is a step on another thread."""
    here = getcurrent()
    if here.parent is not None:
        here.parent.switch(seconds)
