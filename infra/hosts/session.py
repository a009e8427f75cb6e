"""A conversation with a program on a host: one ssh connection, a JSON object a line in each direction."""

from __future__ import annotations

import contextlib
import json
import queue
import subprocess
import threading
from pathlib import Path
from types import TracebackType
from typing import Any

from infra import patience, ssh
from infra.ssh import Identity

MARK = "oodt:"  # begins the program's answers; a login shell may write lines of its own
END_TIMEOUT = 5  # seconds for the program to clean up after its input has ended


class SessionError(RuntimeError):
    """The program cannot be asked any more; the message has what ssh or the host said."""


class Session:
    """A Python program that runs on the host of ``ssh://USER@HOST[:PORT]`` until the session is closed.

    The program comes with the connection, ahead of the questions, so that nothing is put on the host.
    """

    def __init__(self, identity: Identity, host: str, program: Path) -> None:
        source = program.read_bytes()
        receive = f"import sys; exec(compile(sys.stdin.buffer.read({len(source)}), 'probe', 'exec'))"
        self._process = subprocess.Popen(
            [*ssh.command(identity, host), f'exec python3 -u -c "{receive}"'],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self._answers: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        threading.Thread(target=self._read, daemon=True).start()
        self._unsent = source

    def __enter__(self) -> Session:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _problem: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.close()

    def ask(self, question: dict[str, Any], timeout: float) -> dict[str, Any]:
        """Send a question and return the answer. Raises SessionError after ``timeout`` seconds.

        They are those of a usual machine, and the program hears how many times as long it has.
        """
        assert self._process.stdin
        limit = patience.stretched(timeout)
        try:
            asked = json.dumps({**question, patience.KEY: patience.factor()})
            self._process.stdin.write(self._unsent + asked.encode() + b"\n")
            self._process.stdin.flush()
            self._unsent = b""
        except BrokenPipeError:
            raise SessionError(self._last_words()) from None
        try:
            answer = self._answers.get(timeout=limit)
        except queue.Empty:
            raise SessionError(f"no answer within {limit:g} s ({patience.ADVICE})") from None
        if answer is None:
            raise SessionError(self._last_words())
        found: dict[str, Any] = json.loads(answer)
        return found

    def close(self) -> None:
        """End the program's input, which makes it clean up; kill ssh where that takes too long."""
        assert self._process.stdin
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(patience.stretched(END_TIMEOUT))
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _read(self) -> None:
        assert self._process.stdout
        with self._process.stdout as stream:
            for line in stream:
                text = line.decode(errors="replace")
                if text.startswith(MARK):
                    self._answers.put(text.removeprefix(MARK))
        self._answers.put(None)

    def _last_words(self) -> str:
        try:
            code = self._process.wait(patience.stretched(END_TIMEOUT))
        except subprocess.TimeoutExpired:
            return "the connection was closed"
        assert self._process.stderr
        lines = self._process.stderr.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else f"exit {code}"
