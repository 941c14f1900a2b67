"""What a funnel keeps of its events, step by step."""

from datetime import timedelta

import polars as pl

from pixelstat.funnels.actors import FunnelBreakdown, build_hits, deduplicate_hits, relevant_hits
from pixelstat.funnels.hits import HITS
from pixelstat.funnels.observed_steps import ObservedSteps
from pixelstat.reports.funnel import describe_idle_exclusions, keep_occurring_steps, renumber_matches
from tests.funnels.stories import did, events, rules


def relevant_rows(*stories: str, exclude: tuple[str, ...] = ()) -> pl.DataFrame:
    of = rules(["a", "b", "c"], exclude=list(exclude))
    visitors = events([did(story) for story in stories])
    rows = relevant_hits(visitors, of, FunnelBreakdown(), pl.lit(value=True), ObservedSteps())
    return deduplicate_hits(rows.collect()).sort("time")


def test_hits_have_the_declared_columns_and_types() -> None:
    hits, keys = build_hits(relevant_rows("a b", "c"), rules(["a", "b", "c"]), FunnelBreakdown())
    assert hits.schema == HITS
    assert len(keys) == 2


def test_events_without_a_step_or_an_exclusion_are_left_out() -> None:
    rows = relevant_rows("a0 z1 x2 c3", exclude=("x",))
    assert rows.select("matches", "excluded").rows() == [(1, 0), (0, 1), (4, 0)]


def test_an_exclusion_that_matches_no_event_is_named() -> None:
    of = rules(["a", "b"], exclude=["x", "y"])
    assert describe_idle_exclusions(relevant_rows("a0 x1", exclude=("x", "y")), of) == [
        "--exclude y matches no event, so it changes nothing."
    ]
    assert describe_idle_exclusions(relevant_rows(exclude=("x", "y")), of) == []


def test_steps_that_occur_are_numbered_anew() -> None:
    rows = renumber_matches(relevant_rows("a0 c1"), {1, 3})
    assert rows["matches"].to_list() == [1, 2]
    of = rules(["a", "b", "c"])
    assert keep_occurring_steps(of, {1, 3}).step_names == ["a", "c"]
    assert keep_occurring_steps(of, set()).step_names == ["a", "b", "c"]
    assert of.window == timedelta(days=7)
