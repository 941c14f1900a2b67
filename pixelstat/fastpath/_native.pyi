"""The extension. `module.c` says who owns what."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

# What becomes of the lines of a path.
IGNORE: int  # they are not a pixel's
RETURN: int  # expressions have to read them
PAGE_VIEW: int  # they become rows, with this event where they name none
OPEN: int  # likewise

class Frame:
    """Columns in Arrow's memory: a struct that can be exported once, by `pl.Series(frame)`."""

    def __arrow_c_array__(self, requested_schema: object = None) -> tuple[object, object]: ...

class Block(NamedTuple):
    """The lines of one block."""

    line_count: int
    rows: Frame  # of simple lines: `row_columns` and the wanted `text_columns`
    event_names: list[str]  # what the numbers of `event` from 2 on mean, as in the log; 0 is PAGE_VIEW, 1 is OPEN
    returned_lines: bytes  # lines that are not simple, each with CR and LF
    returned_line_numbers: bytes  # their numbers, eight bytes each

class Plan:
    """How the simple lines of one log format are read. Threads may share it."""

    def __init__(
        self,
        *,
        fields: Sequence[tuple[bytes, str, int, bool]],  # literal in front, kind, text column, must be its first match
        last_literal: bytes,  # behind the last field
        ends_with_last: bool,  # nothing may follow that literal
        parameters: Sequence[tuple[bytes, str, int]],  # name, kind, text column
        row_columns: tuple[str, ...],  # names for: number of the line, time, status, bytes, event, request hash
        text_columns: Sequence[str],
        hashed_columns: tuple[int, ...],  # four text columns that the request hash is made of; -1 for a missing one
        id_prefix: bytes,  # in front of visitor ids
        placeholders: Sequence[bytes],  # values that are no id, in lower case, as they stand in a query
        placeholder_letters: bytes,  # letters with which expressions have to look at an id
        earliest: int,  # microseconds since 1970
        latest: int,
        longest_line: int,  # bytes
    ) -> None: ...
    def read(
        self,
        block: bytes | memoryview,  # whole lines
        wanted: bytes,  # one byte for each text column, then one for the request hash: not 0 where it is wanted
        first_line_number: int,  # each further line has the next one
        classify: Callable[[list[str]], bytes],  # paths that are new -> two actions each: with a query, without one
        /,
    ) -> Block:
        """Read a block without Python's lock; `classify` is called once at most, with the lock.

        Raises ValueError where `wanted` or the answer of `classify` has a wrong length, and what `classify` raises.
        """

def hash_texts(columns: Sequence[Any], rows: int, /) -> Frame:
    """Hash the texts of each row, as `read` does. The frame has one column, `hash`.

    Raises ValueError where a column is not text or has another number of rows.
    """
