from collections.abc import Sequence
from typing import Any

def content(columns: Sequence[Any], rows: int, /) -> Frame:
    """A number for the texts of each row of the columns: the same one as rows of plain lines have."""

class Frame:
    """Columns, handed over once."""

    def __arrow_c_array__(self, requested_schema: object = None) -> tuple[object, object]: ...

class Plan:
    """How the plain lines of a log are read."""

    def __init__(
        self,
        fields: Sequence[tuple[bytes, int, int]],  # the literal in front, the kind, the column of text
        last: bytes,  # the literal behind the last field
        is_whole: bool,  # whether nothing may follow that
        names: Sequence[tuple[bytes, int, int]],  # a parameter, the column of text, flags
        columns: Sequence[str],  # of text
        same: tuple[int, ...],  # the four of these columns that the content is made of; -1 for one that is not there
        of_id: bytes,  # what stands in front of a visitor's id
        earliest: int,  # microseconds since 1970
        latest: int,
        longest: int,  # bytes of a line
        /,
    ) -> None: ...
    def learn(self, path: str, verdict: int, /) -> None: ...
    def read(
        self, block: bytes | memoryview, wanted: bytes, first_place: int = 0, places: bytes | None = None, /
    ) -> tuple[int, Frame, list[str], bytes, bytes, bytes, bytes, Frame]:
        """How many lines; plain rows and their events; other lines and their places.

        Then lines of unknown paths, their places and the paths."""
