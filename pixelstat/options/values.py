"""Hold the values of the options that most reports share."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class ReportOptions:
    """The options that most reports share; a report with more options extends this class.

    Each field has the name of a Click option of the report.
    """

    by: Sequence[str] = ()  # columns of the events: a row for each of their values
    top: int = 0  # how many groups to show, those with the highest counts first; 0 shows all
    every: str | None = None  # hour, day, week or month: a series over time

    def list_row_keys(self, default_by: Sequence[str] = ()) -> list[str]:
        """Return the keys of a row: the length of time in a series, then the columns of --by or its default."""
        return [*([self.every] if self.every else []), *(self.by or default_by)]
