"""Every failure a user can meet, as a sentence, and the exit codes that scripts may rely on."""

from enum import IntEnum


class Exit(IntEnum):
    """What the exit code says. The numbers are a promise."""

    DONE = 0  # the report is complete; a reader that closed the pipe early ends here too
    BUG = 1  # pixelstat failed: --debug shows the traceback
    USAGE = 2  # the command line is wrong, or an input cannot be read at all
    PARTIAL = 3  # the report is written, but part of an input was damaged and is missing from it
    TOO_MANY_BAD_LINES = 4  # more lines were unreadable than --strict or --max-errors allow: no report is written
    INTERRUPTED = 130  # stopped by Ctrl-C
    TERMINATED = 143  # stopped by SIGTERM


class PixelstatError(Exception):
    """A failure with a way out: what is wrong, and what to type next."""

    def __init__(self, sentence: str, hint: str = "", code: Exit = Exit.USAGE) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.hint = hint
        self.code = code

    def __str__(self) -> str:
        return f"{self.sentence}\n\n{self.hint}" if self.hint else self.sentence


class ReaderGoneError(Exception):
    """Who read stdout, `head` for one, has seen enough: no failure."""
