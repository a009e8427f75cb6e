"""Rules for <exe>: the shell, and the programs of the folder that its commands run."""

from __future__ import annotations

import difflib
import posixpath
import re
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

from runtime.policy.documents import Element
from runtime.policy.findings import Report
from runtime.policy.placeholders import UNKNOWN
from runtime.policy.places import HOME, Places, Where, locate
from runtime.policy.texts import Texts

SHELLS = ("sh", "bash", "/bin/sh", "/bin/bash", "/usr/bin/bash", "/usr/bin/sh", "dash", "/bin/dash")
# What a shell's own words before a program are. What follows them is the program.
BEFORE = {"exec", "time", "nohup", "if", "then", "else", "do", "while", "until", "!", "{", "("}
ASSIGNMENT = re.compile(r"\w+=")
INTERPRETER = re.compile(r"(?:.*/)?(?:python[\d.]*|(?:ba|da)?sh|perl|Rscript)")
# What a shell replaces, of which nothing is known here.
PATTERN = re.compile(r"[*?$`{]")
SERVED = f"{HOME}/pges/"


def check(program: Element, texts: Texts, folders: Sequence[Places], places: Places, report: Report) -> None:
    shell = (texts.fill(program, "shellType", program["shellType"]) or "").strip() or "sh"
    if UNKNOWN not in shell and shell.split()[0] not in SHELLS and not places.own_image:
        report.warn(program, f"the image has no shell {shell}", "use /bin/bash, or add it to the image")
    listed = program.all("cmd")
    if not listed:
        report.warn(program, "<exe> has no <cmd>, so the task does nothing", "add <cmd>")
    programs = Programs(folders, places, report)
    for each in listed:
        for words in _commands(texts.fill(each, "<cmd>", each.content()) or ""):
            programs.check(each, words)


def _commands(line: str) -> Iterator[list[str]]:
    """The simple commands of a shell's line, in words. A line that only a shell understands has none."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=";&|()<>\n")
    lexer.whitespace, lexer.whitespace_split = " \t\r", True
    words: list[str] = []
    try:
        tokens = list(lexer)
    except ValueError:
        return
    for token in [*tokens, ";"]:
        if token and token[0] in ";&|()\n":
            if words:
                yield words
            words = []
        elif words or not (token in BEFORE or ASSIGNMENT.match(token)):
            words.append(token)


class Programs:
    """The programs that the commands of one <exe> name, one command after the other."""

    def __init__(self, folders: Sequence[Places], places: Places, report: Report) -> None:
        self._folders, self._places, self._report = folders, places, report
        # Where the last cd leads to. The first command runs in the job's folder.
        self._here = ""

    def check(self, at: Element, words: Sequence[str]) -> None:
        if words[0] == "cd":
            self._here = words[1] if len(words) == 2 else UNKNOWN
            return
        first = words[0]
        script = words[1] if INTERPRETER.fullmatch(first) and len(words) > 1 else ""
        if "/" in first:
            self._program(at, self._from_here(first), is_called=True)
        if script and not script.startswith("-"):
            self._program(at, self._from_here(script), is_called=False)
        for word in words[1:]:
            where, file = self._look(word)
            if word != script and where == "absent":
                self._report.warn(at, f"<cmd> names {word}, which is not there", self._meant(file))

    def _from_here(self, path: str) -> str:
        return posixpath.normpath(posixpath.join(self._here, path))

    def _program(self, at: Element, path: str, *, is_called: bool) -> None:
        where, file = self._look(path)
        if where == "absent":
            self._report.error(at, f"the program {path} is not there", self._meant(file))
        elif where == "folder" and file and file.is_file() and is_called:
            self._called(at, file)
        elif not path.startswith("/") and (self._places.pges / path).is_file():
            problem = f"{path} is looked for in the job's folder, where no program is"
            self._report.warn(at, problem, f"write [OODT_HOME]/pges/{self._places.name}/{path}")

    def _look(self, word: str) -> tuple[Where, Path | None]:
        """Where a word leads to that names something in a folder of programs."""
        if UNKNOWN in word or not word.startswith(SERVED) or PATTERN.search(word):
            return "elsewhere", None
        return locate(word, self._folders)

    def _meant(self, file: Path | None) -> str:
        if file is None:
            return f"this workflow's programs are in [OODT_HOME]/pges/{self._places.name}"
        near = difflib.get_close_matches(file.name, [each.name for each in file.parent.glob("*")], n=1)
        return f"did you mean {near[0]}?" if near else f"make {file}"

    def _called(self, at: Element, file: Path) -> None:
        if not file.stat().st_mode & 0o100:
            typed = f"type: chmod +x {shlex.quote(str(file))}"
            self._report.error(at, f"the program {file} is not executable", typed)
        with file.open("rb") as opened:
            first = opened.readline(1024)
        if first.startswith(b"#!") and first.endswith(b"\r\n"):
            problem = "its first line ends as on Windows, so the system looks for a program of that name"
            self._report.error(file, problem, "convert its line ends")
        elif not first.startswith(b"#!") and file.suffix == ".py":
            problem = "it has no first line that names Python, so a shell runs it"
            self._report.error(file, problem, "begin it with: #!/usr/bin/env python3")
