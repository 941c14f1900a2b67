"""Say in plain words what the report of an experiment shows, and what forbids a conclusion."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from pixelstat.analysis.experiments import ALPHA
from pixelstat.result import Result
from pixelstat.text.plurals import format_part, join_words

LEAST_VISITORS = 150  # of a variant that is compared, as in GrowthBook
RATIO_ALARM = 0.001  # below this p-value the visitors are not split as planned
MOST_NOTES = 6  # comparisons or variants that notes describe
PEEKING = "These p-values hold for one look at a planned end. To look every day, use --sequential."


def present_comparisons(result: Result, *, is_sequential: bool, hidden: Sequence[str]) -> Result:
    """Add the headline and notes to the report of an experiment, and hide these columns in tables."""
    rows = result.frame.unique(["variant", "goal"], keep="first", maintain_order=True).to_dicts()
    if not rows:
        return result
    result = arrange_columns(result, hidden)
    compared = [row for row in rows if row["difference"] is not None]
    control = next((row["variant"] for row in rows if row["is_control"]), None)
    ratio = rows[0]["sample_ratio_p_value"]
    is_wrong_split = ratio is not None and ratio < RATIO_ALARM
    headline = describe_winners(compared)
    if is_wrong_split:
        headline = "the visitors are not split as planned"
    elif not compared and control is not None and any(row["variant"] != control for row in rows):
        headline = "too few visitors to compare"
    notes = [
        describe_visitors(rows, control),
        *(describe_comparison(row, str(control)) for row in compared[:MOST_NOTES]),
    ]
    if is_wrong_split:
        goal = rows[0]["goal"]
        counts = [row["visitors"] for row in rows if row["goal"] == goal]
        notes.insert(0, f"WARNING: {describe_split(counts, ratio)}")
    if compared and not is_sequential:
        notes.append(PEEKING)
    return replace(result, headline=headline, notes=[*result.notes, *notes])


def arrange_columns(result: Result, hidden: Sequence[str]) -> Result:
    """Hide these columns in tables, and those that say nothing there; say in the subtitle what they would."""
    frame, subtitle = result.frame, [*result.subtitle]
    layout: dict[str, dict[str, Any]] = {name: {"hidden": True} for name in hidden}
    if frame["p_value"].eq_missing(frame["adjusted_p_value"]).all():
        layout["adjusted_p_value"] = {"hidden": True}
    else:  # then the adjusted one is what counts
        layout |= {"p_value": {"needed": False, "minor": True}, "adjusted_p_value": {"needed": True}}
    if frame["currency"].n_unique() == 1:
        layout["currency"] = {"hidden": True}
        currency = frame["currency"][0]
        subtitle += [f"revenue in {currency}"] if currency else []
    columns = [replace(column, **layout.get(column.name, {})) for column in result.columns]
    return replace(result, columns=columns, subtitle=subtitle)


def describe_split(counts: Sequence[int], ratio: float) -> str:
    """Return the sentence on a sample ratio that cannot be chance."""
    numbers = " : ".join([*(f"{count:,}" for count in counts[:MOST_NOTES]), *(["..."] if counts[MOST_NOTES:] else [])])
    return f"the visitors are not split as planned: {numbers}, p = {ratio:.1g}. Trust no lift until the cause is known."


def describe_visitors(rows: Sequence[dict[str, Any]], control: str | None) -> str:
    """Return which variant is the control, and how many visitors are excluded."""
    first = rows[0]
    visitors = sum(row["visitors"] for row in rows if row["goal"] == first["goal"])
    excluded = first["excluded_visitors"]
    sentence = "There is no control" if control is None else f"The control is {control}"
    if not excluded:
        return f"{sentence}. No visitor saw several variants."
    part = format_part(excluded, visitors + excluded, "visitors")
    return f"{sentence}. Excluded because they saw several variants: {part}."


def describe_winners(compared: Sequence[dict[str, Any]]) -> str:
    """Return which variants are better or worse than the control for the first goal."""
    if not compared:
        return ""
    of_goal = [row for row in compared if row["goal"] == compared[0]["goal"]]
    certain = [row for row in of_goal if is_certain(row)]
    parts = []
    for word, names in (
        ("better", [row["variant"] for row in certain if row["difference"] > 0]),
        ("worse", [row["variant"] for row in certain if row["difference"] < 0]),
    ):
        if names:
            parts.append(f"{join_words(names)} {'is' if len(names) == 1 else 'are'} {word}")
    verdict = ", ".join(parts) or "no difference shown"
    return verdict if len(of_goal) == len(compared) else f"{verdict} at {of_goal[0]['goal']}"


def is_certain(row: dict[str, Any]) -> bool:
    """Return whether the difference of a row is significant after the correction."""
    return row["adjusted_p_value"] is not None and row["adjusted_p_value"] < ALPHA


def describe_comparison(row: dict[str, Any], control: str) -> str:
    """Return what the comparison of a variant with the control shows for a goal."""
    both = f"{row['variant']} and {control}"
    if row["lift_low"] is not None:
        value, low, high = (f"{100 * row[name]:+.1f}%" for name in ("lift", "lift_low", "lift_high"))
    elif row["difference_low"] is not None:
        names = ("difference", "difference_low", "difference_high")
        value, low, high = (f"{100 * row[name]:+.1f} points" for name in names)
    else:
        return f"{row['goal']}: no difference between {both} shown."
    if not is_certain(row):
        return f"{row['goal']}: no difference between {both} shown; it may be anything from {low} to {high}."
    verdict = "better" if row["difference"] > 0 else "worse"
    return f"{row['goal']}: {row['variant']} is {verdict} than {control}, {value} (95% interval {low} to {high})."
