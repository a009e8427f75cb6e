"""What reasons of several jobs have in common: a reason without what is the one job's own.

A reason may name the job's files, its run or a time, or the job that had its id first. So five hundred jobs
that failed for one reason would seem to have five hundred reasons.
"""

import re

from runtime.messaging.excerpt import headline

GAP = "…"
# What differs further behind is no other reason. Reasons that were shortened differ there.
LENGTH = 300
# A path with a folder; a UUID; the address of a Java object; a number that is no code and no limit; an id
# that another job had first, which may be short: the worker's words around it tell that it is no code.
OWN = re.compile(
    r"(?<![\w.:/-])(?:[a-z]+:)?/+[^\s/:;,'\"]+/[^\s:;,'\"]*"
    r"|\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b|(?<=@)[0-9a-f]{5,16}\b|\b\d{5,}\b"
    r"|(?<=\bmessage id )\S+(?= is that of a job\b)"
)
DATE = r"(?:19|20)\d\d[-/](?:0[1-9]|1[0-2])[-/](?:0[1-9]|[12]\d|3[01])"
MINUTE = r"(?:[01]\d|2[0-3]):[0-5]\d"
SECOND = r":[0-5]\d(?:[.,]\d+)?"
ZONE = r"(?: ?(?:Z|UTC|GMT|[+-]\d\d:?\d\d)(?!\w))?"
DAY_OF_MONTH = r"(?<![A-Za-z])(?:[A-Z][a-z]{2} )?[A-Z][a-z]{2} {1,2}\d{1,2} "
# Not within a longer row of such parts, as the address of a network card is one.
APART = r"(?<!\d)(?<!\d:)(?<!\b[0-9a-fA-F]{2}:)"
# A date, perhaps with a time; the same without signs in between; a time to the second, perhaps of a day with
# its name. Without a date, 12:34 may as well be line and column.
TIME = re.compile(
    rf"(?<!\d){DATE}(?:[T ]{MINUTE}(?:{SECOND})?{ZONE})?(?!\d)"
    r"|(?<!\d)(?:19|20)\d{6}T\d{6}(?:[.,]\d+)?Z?(?!\d)"
    rf"|(?:{DAY_OF_MONTH}|{APART}){MINUTE}{SECOND}{ZONE}(?!\d|:[0-9a-fA-F]{{2}}\b)"
)
WORD = re.compile(rf"[\w.~{GAP}-]+")
# Such an id may as well be an exit code.
SHORT_NUMBER = re.compile(r"\d{1,4}")


def shared(reason: str, job: str) -> str:
    """The part of the reason that other jobs may have too; each gap in it has a sign."""
    # In the id as well, so that an id with a date in it is still found in the text.
    text, job = (TIME.sub(GAP, each) for each in (headline(reason), job))
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
