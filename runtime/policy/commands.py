"""Rules for <exe>: the shell, and the programs of the folder that its commands run."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

from runtime.policy.documents import Element
from runtime.policy.findings import Report
from runtime.policy.placeholders import UNKNOWN
from runtime.policy.places import HOME, Places, locate
from runtime.policy.texts import Texts

SHELLS = ("sh", "bash", "/bin/sh", "/bin/bash", "/usr/bin/bash", "/usr/bin/sh", "dash", "/bin/dash")
# What a shell's own words before a program are. What follows them is the program.
BEFORE = {"exec", "time", "nohup", "if", "then", "else", "do", "while", "until", "!", "{", "("}
ASSIGNMENT = re.compile(r"\w+=")
INTERPRETER = re.compile(r"(?:.*/)?(?:python[\d.]*|(?:ba|da)?sh|perl|Rscript)")
# What a shell replaces, of which nothing is known here.
PATTERN = re.compile(r"[*?$`{]")
SERVED = f"{HOME}/pges/"


def check(
    program: Element, texts: Texts, workflows: Sequence[Places], places: Places, report: Report
) -> None:
    shell = texts.fill(program, "shellType", program["shellType"]) or "sh"
    if UNKNOWN not in shell and shell.split()[0] not in SHELLS and not places.own_image:
        report.warn(program, f"the image has no shell {shell}", "use /bin/bash, or add it to the image")
    listed = program.all("cmd")
    if not listed:
        report.warn(program, "<exe> has no <cmd>, so the task does nothing", "add <cmd>")
    folder = ""
    for each in listed:
        line = texts.fill(each, "<cmd>", each.content())
        for words in _commands(line or ""):
            if words[0] == "cd" and len(words) == 2:
                folder = words[1]
            elif words:
                _command(each, words, folder, workflows, report)


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
        if token[0] in ";&|()\n":
            if words:
                yield words
            words = []
        elif words or not (token in BEFORE or ASSIGNMENT.match(token)):
            words.append(token)


def _command(at: Element, words: list[str], folder: str, workflows: Sequence[Places], report: Report) -> None:
    called = (
        words[0]
        if words[0].startswith("/") or not folder
        else f"{folder}/{words[0]}"
        if "/" in words[0]
        else ""
    )
    file = _file(called, workflows)
    if file:
        _called(at, called, file, report)
    script = _file(words[1], workflows) if INTERPRETER.fullmatch(words[0]) and len(words) > 1 else None
    if script and not script.is_file():
        report.error(at, f"the program {words[1]} is not there", f"make {script}")
    for word in words[1:]:
        lost = _file(word, workflows)
        if lost and lost != script and not lost.exists():
            report.warn(at, f"<cmd> names {word}, which is not there", f"make {lost}")


def _file(word: str, workflows: Sequence[Places]) -> Path | None:
    """The file of a folder of programs that a word names, whether it is there or not."""
    if UNKNOWN in word or not word.startswith(SERVED) or PATTERN.search(word):
        return None
    return locate(word, workflows)[1]


def _called(at: Element, called: str, file: Path, report: Report) -> None:
    if not file.is_file():
        report.error(at, f"the program {called} is not there", f"make {file}")
        return
    if not file.stat().st_mode & 0o100:
        report.error(at, f"the program {file} is not executable", f"type: chmod +x {shlex.quote(str(file))}")
    with file.open("rb") as opened:
        first = opened.readline(1024)
    if first.startswith(b"#!") and first.endswith(b"\r\n"):
        report.error(
            file,
            "its first line ends as on Windows, so the system looks for a program of that name",
            "convert its line ends",
        )
    elif not first.startswith(b"#!") and file.suffix == ".py":
        report.error(
            file,
            "it has no first line that names Python, so a shell runs it",
            "begin it with: #!/usr/bin/env python3",
        )
