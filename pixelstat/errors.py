"""Describe every failure that a user can meet: errors with a way out, their wording, and the exit codes for scripts."""

from collections.abc import Iterable
from difflib import get_close_matches
from enum import IntEnum
from os import PathLike


class Exit(IntEnum):
    """The exit codes of the command line. Scripts rely on these numbers, so they never change."""

    DONE = 0  # the report is complete; also where the reader of stdout closed the pipe early
    BUG = 1  # pixelstat failed: --debug shows the traceback
    USAGE = 2  # the command line is wrong, or an input cannot be read at all
    PARTIAL = 3  # the report is written, but part of an input was damaged and is missing from it
    TOO_MANY_BAD_LINES = 4  # more lines were unreadable than --strict or --max-errors allow: no report is written
    CONDITION_MET = 5  # the report is written, and a condition of --fail-if or --fail-if-empty holds for it
    NOTHING_READABLE = 6  # the report is written, but none of the lines that may hold a pixel request could be read
    INTERRUPTED = 130  # stopped by Ctrl-C
    TERMINATED = 143  # stopped by SIGTERM


class PixelstatError(Exception):
    """A failure that is explained to the user: a sentence says what is wrong, a hint says what to type next."""

    def __init__(self, sentence: str, hint: str = "", code: Exit = Exit.USAGE) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.hint = hint
        self.code = code

    def __str__(self) -> str:
        return f"{self.sentence}\n\n{self.hint}" if self.hint else self.sentence


class ReaderGoneError(Exception):
    """Raised when the reader of stdout, such as `head`, closes the pipe. This is not a failure."""


def suggest(name: str, candidates: Iterable[str], cutoff: float = 0.6, most: int = 1) -> str:
    """Return " Did you mean X?" with the candidates that are most like the name, or "" if none is.

    The answer starts with a blank, so that it can follow a sentence. `cutoff` is the least similarity, from 0 to 1,
    and `most` the number of candidates.
    """
    *others, last = get_close_matches(name, candidates, most, cutoff) or [""]
    names = f"{', '.join(others)} or {last}" if others else last
    return f" Did you mean {names}?" if names else ""


def unreadable_file(
    path: str | PathLike[str], error: Exception, hint: str, otherwise: str = "it is not UTF-8 text"
) -> PixelstatError:
    """Return the error to raise for a file that cannot be read.

    The reason is that of the operating system if `error` is an OSError, else `otherwise`. `path` is shown as it is,
    so a caller may pass `f"The key {path}"` or `repr(path)`.
    """
    reason = error.strerror if isinstance(error, OSError) else otherwise
    return PixelstatError(f"{path} cannot be read: {reason}.", hint)
