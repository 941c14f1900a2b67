"""paths: what people do after something, or before it, step by step within a visit.

The steps of a visit are its hits in the order of time, each hit once; heartbeats are none, and mails no part of a
visit. Logs tick in seconds, so ties are normal, and a report knows no order of lines: of one second page views come
first, then all by their names. A page that stands there again at once is no step (`--no-collapse`: it is one).

Of a visit with several starts the first counts, so each visit goes one way. It is followed along what is shown:
who is among the `(other)` of a step is not looked at further.

How: one sort by visit and time; from the start of each visit a column for each step; then the columns are counted
one by one. What leads to something is the same with time reversed.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import click
import polars as pl

from pixelstat.conditions import Step, warn_of_unmatched
from pixelstat.errors import PixelstatError
from pixelstat.options.shared import top_per_section_option
from pixelstat.reports._report import report
from pixelstat.result import Column
from pixelstat.traffic.deduplication import drop_later_copies
from pixelstat.vocabulary import is_page_view

ENTRY, EXIT, OTHER, UNKNOWN = "(entry)", "(exit)", "(other)", "(unknown)"
AFTER, BEFORE = " > ", " < "
LONGEST = 200  # characters of a step in a path: a page of a megabyte would stand in each row behind it

FIGURES = pl.Schema({"visitors": pl.Int64(), "visits": pl.Int64(), "of_visitors": pl.Int64(), "share": pl.Float64()})
EDGES = pl.Schema({"source": pl.String(), "target": pl.String(), "step": pl.Int64(), **FIGURES})
TREE = pl.Schema({"path": pl.String(), **{name: FIGURES[name] for name in ("visitors", "visits", "share")}})
WHOLE = pl.Schema({"path": pl.String(), **FIGURES})
WHOLE_TO = pl.Schema({"converted": pl.Boolean(), **WHOLE})

from_option = click.Option(
    ["--from", "start"], metavar="STEP", help="What people do after it: an event, a page, a condition or a goal."
)
to_option = click.Option(["--to", "end"], metavar="STEP", help="What people do before it.")
depth_option = click.Option(
    ["--depth"], type=click.IntRange(1, 50), default=4, show_default=True, metavar="N", help="So many steps."
)
nodes_option = click.Option(
    ["--nodes"], type=click.Choice(["both", "page", "event"]), default="both", show_default=True,
    help="Steps are pages and other events, pages alone, or events by their names alone.",
)  # fmt: skip
collapse_option = click.Option(
    ["--collapse/--no-collapse"], default=True, show_default=True, help="What is repeated at once is one step."
)
show_option = click.Option(
    ["--show"], type=click.Choice(["tree", "edges", "whole"]),
    help="A row for each way so far; for each source, target and step (a Sankey's); or for each whole way, with --to "
    "also for what ends the visits without it. Default: tree in a table, else edges.",
)  # fmt: skip


def _caption(start: Step | None, end: Step | None, depth: int, **_: object) -> str:
    many = "1 step" if depth == 1 else f"{depth} steps"
    way = f"{many} before the first {end.name}" if end else f"{many} after the first {start.name}" if start else ""
    first = "the first step" if depth == 1 else f"the first {many}"
    return f"{way or first} of a visit; who has visits that differ stands in several rows, so visitors do not add up"


def prepared(given: dict[str, Any], meant: Callable[[str], Step]) -> dict[str, Any]:
    """The options as the report takes them. Raises PixelstatError for two ends at once."""
    if given["start"] is not None and given["end"] is not None:
        raise PixelstatError("--from and --to are the two ends of paths.", "Leave one of them out.")
    return given | {name: meant(given[name]) for name in ("start", "end") if given[name] is not None}


def named(start: Step | None, end: Step | None, **_: object) -> Iterable[str]:
    """The columns of the events that the options ask for."""
    return [name for one in (start, end) if one for name in one.hit.meta.root_names()]


@report(
    "Paths",
    columns=[
        Column("path", "text", "the steps, parted by >; by < where they go back in time", tree=True),
        Column("converted", "flag", "whole, with --to: yes for ways there; no for the last steps of visits without it"),
        Column("source", "text", "where an edge comes from: a page, an event, (entry) where a visit begins"),
        Column("target", "text", "where it leads: (exit) where a visit ends, (other) for those beyond --top"),
        Column("step", "count", "1 for edges at the start, or with --to at the end", key=True),
        Column("visitors", "count", "distinct visitors; the rows overlap, so they do not add up", bar=True),
        Column("visits", "count", "that go this way; each goes one"),
        Column("of_visitors", "count", "who are there at all: at the source, with --to at the target", minor=True),
        Column("share", "share", "visitors, of those; in a tree of the row that it leads on from"),
    ],
    options=[from_option, to_option, depth_option, top_per_section_option, nodes_option, collapse_option, show_option],
    caption=_caption,
    defaults={"top": "3"},
    of_visits=True,
    prepared=prepared,
    named=named,
)
def paths(
    events: pl.LazyFrame,
    *,
    start: Step | None,
    end: Step | None,
    depth: int,
    top: int,
    nodes: str,
    collapse: bool,
    show: str | None,
    is_table: bool,
    warn: Callable[[str], object],
) -> pl.LazyFrame:
    """What people do after something (--from), before it (--to), or from where their visits begin.

    A step is a page that is viewed, or any other event, within a visit; what is repeated at once is one. --from and
    --to name an event, a page, a condition or a goal, as in a funnel; in each visit the first one counts. A visit is
    followed as far as its events are asked for, by --until and --where.

    \b
    pixelstat paths access.log*                        from the entry, as a tree
    pixelstat paths access.log* --from /pricing --depth 3
    pixelstat paths access.log* --from / -o edges.csv  for a Sankey
    pixelstat paths access.log* --to purchase --show whole --depth 8
    """
    anchor = start or end
    column = pl.col
    rows = events.filter(column("visit").is_not_null() & column("event").ne_missing(pl.lit("ping"))).select(
        "hit", "first", "visit", "time",
        who=column("visitor").cast(pl.Categorical()).to_physical(),
        node=_node(nodes).cast(pl.Categorical()),
        is_view=is_page_view(),
        is_node=is_page_view() if nodes == "page" else pl.lit(value=True),
        is_start=anchor.hit if anchor else pl.lit(value=False),
    )  # fmt: skip
    wanted = show or ("tree" if is_table else "edges")
    schema = {"edges": EDGES, "tree": TREE, "whole": WHOLE_TO if end else WHOLE}[wanted]
    special = pl.Series([OTHER, ENTRY if end else EXIT, anchor.name if anchor else ENTRY])

    def batch(held: pl.DataFrame) -> pl.DataFrame:
        for sentence in warn_of_unmatched(held, "is_start", anchor, "node") if anchor else ():
            warn(f"{'--to' if end else '--from'} {sentence}")
        names, ordered = in_order(held)
        walked = from_start(ordered, is_back=end is not None) if anchor else ordered.filter("is_node")
        walked = walked.filter(_begins() | (column("code") != column("code").shift())) if collapse else walked
        visits = in_steps(walked, depth, len(names) + 1, after=1 if anchor else 0)
        who = held.select("visit", "who").unique()
        ways = Ways(visits.join(who, on="visit"), pl.concat([names, special]), depth, top, is_back=end is not None)
        if wanted == "edges":
            return edges(ways)
        if wanted == "tree":
            return tree(ways)
        found = whole(ways)
        if not end:
            return found
        others = ordered.filter("is_node").join(visits, on="visit", how="anti", maintain_order="left")
        last = others.filter(_ends()).join(who, on="visit").select("who", at=pl.lit(0, pl.UInt32), target="code")
        left = most(last, top, len(names)).with_columns(path=ways.short("target"))
        parts = [(found, True), (left, False)]
        return pl.concat(part.with_columns(converted=to).select(WHOLE_TO.names()) for part, to in parts)

    return rows.map_batches(batch, schema=schema)


def _node(nodes: str) -> pl.Expr:
    """What a step is called: the page that is viewed, or the event. Never null."""
    page = pl.when(is_page_view()).then("page") if nodes != "event" else pl.lit(None, pl.String)
    return pl.coalesce(page, "event", pl.lit(UNKNOWN))


# -- hits -> ways ------------------------------------------------------------------------------------------------


def in_order(held: pl.DataFrame) -> tuple[pl.Series, pl.DataFrame]:
    """Hits -> the names of all steps by the alphabet, and the hits in order: visit, code, is_node, is_start.

    The code is the place of the name.
    """
    column = pl.col
    named = held.select("node").unique().sort(column("node").cast(pl.String)).with_row_index("code")
    once = drop_later_copies(held).sort("time").filter(column("hit").is_first_distinct()).join(named, on="node")
    key = column("visit").cast(pl.Int128) * _VISIT + column("time").to_physical().cast(pl.Int128) * _TIME
    key += (~column("is_view")).cast(pl.Int128) * _EVENT + (~column("is_node")).cast(pl.Int128) * _NO_NODE
    key += column("code").cast(pl.Int128) * _CODE + column("is_start").cast(pl.Int128)
    packed = once.select(key=key).sort("key")
    return named["node"].cast(pl.String), packed.select(
        visit=(column("key") // _VISIT).cast(pl.UInt32),
        code=(column("key") // _CODE % (_NO_NODE // _CODE)).cast(pl.UInt32),
        is_node=column("key") // _NO_NODE % 2 == 0,
        is_start=column("key") % 2 == 1,
    )


# Places of what hits are sorted by, as one number of 128 bits: three times as fast as by five columns.
_CODE, _NO_NODE, _EVENT, _TIME, _VISIT = 1 << 1, 1 << 33, 1 << 34, 1 << 35, 1 << 91


def _begins() -> pl.Expr:
    """Another visit's rows begin here."""
    return (pl.col("visit") != pl.col("visit").shift()).fill_null(value=True)


def _ends() -> pl.Expr:
    """A visit's rows end here."""
    return _begins().shift(-1).fill_null(value=True)


def from_start(ordered: pl.DataFrame, *, is_back: bool) -> pl.DataFrame:
    """Hits in order -> those from the first start of each visit on; `is_back`: up to it, the last one first."""
    column = pl.col
    starts = column("is_start").cast(pl.UInt32)
    so_far = starts.cum_sum()
    nth = so_far - pl.when(_begins()).then(so_far - starts).forward_fill()
    rows = ordered.with_columns(nth=nth).with_columns(is_start=column("is_start") & (column("nth") == 1))
    is_step = column("is_node") | column("is_start")
    if not is_back:
        return rows.filter(is_step & (column("nth") > 0))
    rows = rows.filter(column("is_start") | (column("is_node") & (column("nth") == 0))).reverse()
    return rows.filter(pl.when(_begins()).then("is_start").forward_fill())


def in_steps(walked: pl.DataFrame, depth: int, ended: int, *, after: int) -> pl.DataFrame:
    """Steps in order -> a row a visit: visit, and `1`, `2` ... the codes of its steps; behind the last `ended`, null.

    The first `after` steps are the start, and not among them.
    """
    runs = walked["visit"].rle().struct.unnest()
    length, first = runs["len"], runs["len"].cum_sum() - runs["len"]
    columns = {"visit": runs["value"]}
    for step in range(1, depth + 1):
        passed = step - 1 + after
        code = walked["code"].gather(pl.select(pl.when(length > passed).then(first + passed)).to_series())
        end = pl.lit(ended, pl.UInt32)
        columns[str(step)] = pl.select(pl.when(length == passed).then(end).otherwise(code)).to_series()
    return pl.DataFrame(columns)


# -- ways -> rows ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Ways:
    """The ways that visits go, and what is asked of them."""

    visits: pl.DataFrame  # a row a visit: who, and `1`, `2` ... the codes of its steps; null behind (exit)
    labels: pl.Series  # what the codes stand for; the last three are (other), (exit) or (entry), and the start
    depth: int
    top: int
    is_back: bool  # in time: the start is what they lead to

    @property
    def names(self) -> int:
        """So many labels are names of steps."""
        return len(self.labels) - 3

    def label(self, code: str) -> pl.Expr:
        """What the codes in this column stand for; null for null."""
        return pl.lit(self.labels).gather(pl.col(code))

    def short(self, code: str) -> pl.Expr:
        """The same for a path."""
        label = self.label(code)
        return pl.when(label.str.len_chars() > LONGEST).then(label.str.head(LONGEST) + "…").otherwise(label)


def most(walked: pl.DataFrame, top: int, names: int) -> pl.DataFrame:
    """at, target, who: a row a visit -> at, target, FIGURES: the `top` targets of each place that visits are at.

    In the order of the places, of each those with most visitors first, then the others as one, then exits. Codes from
    `names` on are those of (other) and (exit).
    """
    column = pl.col
    found = _counted(walked)
    ranked = column("target") < names
    by = ["at", "visitors", "visits", "target"]
    order = [False, True, True, False]
    if top:
        listed = found.filter(ranked).sort(by, descending=order)
        rest = listed.filter(pl.int_range(pl.len()).over("at") >= top).select("at", "target")
        others = walked.join(rest, on=["at", "target"], how="semi")
        others = _counted(others.with_columns(target=pl.lit(names, pl.UInt32)))
        found = pl.concat([found.join(rest, on=["at", "target"], how="anti"), others])
    of = walked.select("at", "who").unique().group_by("at").agg(of_visitors=pl.len().cast(pl.Int64))
    special = pl.when(ranked).then(0).otherwise("target")
    found = found.join(of, on="at").sort("at", special, *by[1:], descending=[False, *order])
    # As series: within an expression Polars multiplies by 1/n where n is the same throughout, and 49/49 is not 1.
    return found.with_columns(share=found["visitors"] / found["of_visitors"])


def _counted(walked: pl.DataFrame) -> pl.DataFrame:
    by_visitor = walked.group_by("at", "target", "who").agg(visits=pl.len().cast(pl.Int64))
    return by_visitor.group_by("at", "target").agg(visitors=pl.len().cast(pl.Int64), visits=pl.col("visits").sum())


def followed(ways: Ways, *, merges: bool) -> Iterator[pl.DataFrame]:
    """The rows of each step, by `most`. `at` is the row of the step before, or where it `merges` that step's code."""
    walked = ways.visits.with_columns(at=pl.lit(len(ways.labels) - 1 if merges else 0, pl.UInt32))
    for step in map(str, range(1, ways.depth + 1)):
        found = most(walked.select("at", "who", target=step), ways.top, ways.names)
        yield found
        following = found.with_columns(then="target" if merges else pl.int_range(pl.len(), dtype=pl.UInt32))
        following = following.filter(pl.col("target") < ways.names).select("at", "target", "then")
        walked = walked.join(following, left_on=["at", step], right_on=["at", "target"])
        walked = walked.drop("at", step).rename({"then": "at"})


def edges(ways: Ways) -> pl.DataFrame:
    """Ways -> EDGES, step by step, from the sources with most visitors."""
    nearer, farther = ("target", "source") if ways.is_back else ("source", "target")
    parts = [pl.DataFrame(schema=EDGES)]
    for step, found in enumerate(followed(ways, merges=True), 1):
        ordered = found.sort("of_visitors", "at", descending=[True, False], maintain_order=True)
        ends = {nearer: ways.label("at"), farther: ways.label("target")}
        parts.append(ordered.with_columns(step=pl.lit(step, pl.Int64), **ends).select(EDGES.names()))
    return pl.concat(parts)


def tree(ways: Ways) -> pl.DataFrame:
    """Ways -> TREE: the start, and behind each row those that lead on from it."""
    parted = BEFORE if ways.is_back else AFTER
    start = pl.DataFrame({"at": [len(ways.labels) - 1]}, {"at": pl.UInt32}).select(path=ways.short("at"))
    visitors, visits = ways.visits["who"].n_unique(), len(ways.visits)
    above = start.with_columns(visitors=pl.lit(visitors, pl.Int64), visits=pl.lit(visits, pl.Int64))
    parts = [above]
    places: list[str] = []  # of a row among those beside it, step by step
    for found in followed(ways, merges=False):
        before = above.select("path", *places)[found["at"]]
        place = f"place {len(places)}"
        above = found.select(
            "visitors", "visits", "share",
            *before.select(places),
            path=before["path"] + parted + found.select(ways.short("target")).to_series(),
            **{place: pl.int_range(pl.len(), dtype=pl.UInt32)},
        )  # fmt: skip
        places.append(place)
        parts.append(above)
    return pl.concat(parts, how="diagonal").sort(places, nulls_last=False).select(TREE.names())


def whole(ways: Ways) -> pl.DataFrame:
    """Ways -> WHOLE: those that most visitors go."""
    steps = [str(step) for step in range(1, ways.depth + 1)]
    different = ways.visits.select(steps).unique().sort(steps, nulls_last=True).with_row_index("target")
    walked = ways.visits.join(different, on=steps, nulls_equal=True)
    found = most(walked.select("who", "target", at=pl.lit(0, pl.UInt32)), ways.top, len(different))
    there = found.select("target").join(different, on="target", how="left", maintain_order="left")
    there = there.with_columns(start=pl.lit(len(ways.labels) - 1, pl.UInt32))
    order = [*reversed(steps), "start"] if ways.is_back else ["start", *steps]
    path = pl.concat_str(*map(ways.short, order), separator=AFTER, ignore_nulls=True)
    path = pl.when(pl.col("target") == len(different)).then(pl.lit(OTHER)).otherwise(path)
    return found.with_columns(there.select(path=path)).select(WHOLE.names())
