"""What reasons of several jobs have in common: a reason without what is the one job's own.

A reason may name the job's files, its run or a time. So five hundred jobs that failed for one reason would
seem to have five hundred reasons.
"""

import re

from runtime.messaging.excerpt import headline

GAP = "…"
# What differs further behind is no other reason. Reasons that were shortened differ there.
LENGTH = 300
# A path with a folder; a UUID; the address of a Java object; a number that is no code and no limit.
OWN = re.compile(
    r"(?<![\w.:/-])(?:[a-z]+:)?/+[^\s/:;,'\"]+/[^\s:;,'\"]*"
    r"|\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b|(?<=@)[0-9a-f]{5,16}\b|\b\d{5,}\b"
)
WORD = re.compile(r"[\w.~-]+")
# Such an id may as well be an exit code.
SHORT_NUMBER = re.compile(r"\d{1,4}")


def shared(reason: str, job: str) -> str:
    """The part of the reason that other jobs may have too; each gap in it has a sign."""
    text = headline(reason)
    own = {name for path in OWN.findall(text) if len(name := path.rpartition("/")[2]) > 1}
    if not SHORT_NUMBER.fullmatch(job):
        own.add(job)
    for name in own:
        if not WORD.fullmatch(name):
            text = text.replace(name, GAP)
    text = WORD.sub(lambda word: GAP if any(_is_part(name, word[0]) for name in own) else word[0], text)
    text = OWN.sub(GAP, text)
    return text if len(text) <= LENGTH else text[:LENGTH] + GAP


def _is_part(name: str, word: str) -> bool:
    """Whether the name is in the word, and not within another name."""
    at = word.find(name)
    return at >= 0 and not (word[:at][-1:].isalnum() or word[at + len(name) :][:1].isalnum())
