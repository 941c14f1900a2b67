"""Hold the values of the options that most reports share."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from pixelstat.text.durations import format_duration

ATTRIBUTION_WORDS = {  # of a caption, by model
    "last_non_direct": "the last non-direct visit within {}",
    "last": "the last visit within {}",
    "first": "the first visit within {}",
    "visit": "their own visit",
}


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

    def describe_rows(self, keys: Sequence[str], measure: str) -> str:
        """Return the words of a caption for a ranking, such as `by message, top 20 by opens`.

        A series without --by is shown whole, and so are all rows with --top 0.
        """
        by = [f"by {', '.join(keys)}"] if keys else []
        top = [f"top {self.top} by {measure}"] if self.top and (self.by or not self.every) else []
        return ", ".join([*by, *top])


@dataclass(frozen=True, kw_only=True)
class AttributedOptions(ReportOptions):
    """The options of a report that attributes events to a touch of their visitor, where --by names a column of it."""

    attribution: str = "last_non_direct"  # one of SINGLE_TOUCH_MODELS
    lookback: timedelta = timedelta(days=30)  # the longest time from the touch to the event

    def describe_attribution(self, columns: Sequence[str]) -> str:
        """Return the words of a caption that say which visit these columns belong to; empty without columns."""
        words = ATTRIBUTION_WORDS[self.attribution].format(format_duration(self.lookback))
        return f"attributed to {words}" if columns else ""
