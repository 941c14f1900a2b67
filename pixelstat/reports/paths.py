"""paths: what people do after something, or before it, step by step within a visit.

The steps of a visit are its hits in the order of time, each hit once. Heartbeats are not steps, and emails are not part
of a visit. Logs have a resolution of one second, so ties are normal, and a report does not know the order of lines:
within a second page views come first, then all steps by name. A page that directly repeats is not a step, unless with
`--no-collapse`.

If a visit has several starts the first counts, so each visit goes one way. It is followed along what is shown: visitors
in the `(other)` of a step are not followed further.

How it works: sort once by visit and time; make a column for each step from the start of each visit; count the columns
one by one. For what leads to something, do the same with time reversed.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial

import click
import polars as pl

from pixelstat.analysis.visit_steps import is_first_of_visit, is_last_of_visit, pivot_steps, sort_steps, trim_to_start
from pixelstat.conditions import Step, describe_unmatched
from pixelstat.errors import PixelstatError
from pixelstat.options.shared import top_per_section_option
from pixelstat.options.types import ProjectNameType
from pixelstat.options.values import ReportOptions
from pixelstat.reports._report import RunContext, report
from pixelstat.result import Column
from pixelstat.vocabulary import is_page_view

ENTRY, EXIT, OTHER, UNKNOWN = "(entry)", "(exit)", "(other)", "(unknown)"
AFTER, BEFORE = " > ", " < "
MAX_STEP_CHARS = 200  # of a step in a path: every row after it repeats it, and a page may have a megabyte

FIGURES = pl.Schema(
    {"visitors": pl.Int64(), "visits": pl.Int64(), "visitors_at_step": pl.Int64(), "share": pl.Float64()}
)
EDGES = pl.Schema({"source": pl.String(), "target": pl.String(), "step": pl.Int64(), **FIGURES})
TREE = pl.Schema({"path": pl.String(), **{name: FIGURES[name] for name in ("visitors", "visits", "share")}})
WHOLE = pl.Schema({"path": pl.String(), **FIGURES})
WHOLE_TO = pl.Schema({"converted": pl.Boolean(), **WHOLE})

from_option = click.Option(
    ["--from", "start"],
    type=ProjectNameType("goals"),
    metavar="STEP",
    help="Show what visitors do after this event, page, condition or goal.",
)
to_option = click.Option(
    ["--to", "end"],
    type=ProjectNameType("goals"),
    metavar="STEP",
    help="Show what visitors do before this event, page, condition or goal.",
)
depth_option = click.Option(
    ["--depth"],
    type=click.IntRange(1, 50),
    default=4,
    show_default=True,
    metavar="N",
    help="Show this many steps of each path.",
)
nodes_option = click.Option(
    ["--nodes"], type=click.Choice(["both", "page", "event"]), default="both", show_default=True,
    help="Use pages and other events as steps (both), only pages, or only names of events.",
)  # fmt: skip
collapse_option = click.Option(
    ["--collapse/--no-collapse"], default=True, show_default=True, help="Count consecutive repeats of a step once."
)
show_option = click.Option(
    ["--show"], type=click.Choice(["tree", "edges", "whole"]),
    help="Show a row for each branch (tree), each pair of steps (edges) or each whole path. "
    "A Sankey diagram uses edges. Default: tree in a table, else edges.",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class PathsOptions(ReportOptions):
    """The options of `paths`."""

    start: Step | None = None  # show what people do after it
    end: Step | None = None  # show what people do before it
    depth: int = 4  # how many steps
    top: int = 3  # how many targets of each step; 0 shows all
    nodes: str = "both"  # what a step is: page, event, both
    collapse: bool = True  # a step that directly repeats counts once
    show: str | None = None  # tree, edges, whole; None: a tree in a table, else edges


def _caption(options: PathsOptions) -> str:
    start, end, depth = options.start, options.end, options.depth
    many = "1 step" if depth == 1 else f"{depth} steps"
    first = "the first step" if depth == 1 else f"the first {many}"
    steps = f"{many} before the first {end.name}" if end else f"{many} after the first {start.name}" if start else first
    return f"{steps} of a visit; a visitor can count in several rows"


def build_paths_options(
    parse: Callable[[str], Step],
    *,
    start: str | None,
    end: str | None,
    depth: int,
    top: int,
    nodes: str,
    collapse: bool,
    show: str | None,
) -> PathsOptions:
    """Return the options with --from and --to parsed as steps. Raises PixelstatError where both are given."""
    if start is not None and end is not None:
        raise PixelstatError("--from and --to cannot be combined.", "Leave one of them out.")
    return PathsOptions(
        start=None if start is None else parse(start),
        end=None if end is None else parse(end),
        depth=depth,
        top=top,
        nodes=nodes,
        collapse=collapse,
        show=show,
    )


def list_event_columns(options: PathsOptions) -> Iterable[str]:
    """Return the columns of the events that --from and --to use."""
    return [name for step in (options.start, options.end) if step for name in step.hit.meta.root_names()]


@report(
    "Paths",
    columns=[
        Column("path", "text", "steps, separated by > in the order of time, or by < backwards", tree=True),
        Column("converted", "flag", "with --show whole and --to: yes if the path reaches --to", key=True),
        Column("source", "text", "first step of an edge: a page, an event, or (entry) for the start of a visit"),
        Column(
            "target", "text", "second step of an edge; (exit) is the end of a visit, (other) the steps beyond --top"
        ),
        Column("step", "count", "position of the edge, from 1 at --from, or at --to", key=True),
        Column("visitors", "count", "distinct visitors; a visitor can count in several rows", bar=True),
        Column("visits", "count", "visits that take this path; a visit takes exactly one"),
        Column("visitors_at_step", "count", "distinct visitors at the source, or with --to at the target", minor=True),
        Column(
            "share",
            "share",
            "visitors / visitors_at_step; in a tree, of the visitors of the row above",
            label="share of previous",
        ),
    ],
    options=[from_option, to_option, depth_option, top_per_section_option, nodes_option, collapse_option, show_option],
    options_type=PathsOptions,
    caption=_caption,
    event_columns=list_event_columns,
    defaults={"top": "3"},
    needs_visits=True,
    build_options=build_paths_options,
)
def paths(events: pl.LazyFrame, options: PathsOptions, run: RunContext) -> pl.LazyFrame:
    """Show what visitors do after a step (--from), before a step (--to), or from the start of a visit.

    A step is a page view or another event, within one visit. Consecutive repeats of a step count once. --from and --to
    name an event, a page, a condition or a goal, as in a funnel. A path starts at the first hit of the --from step in
    a visit, or ends at the first hit of the --to step.

    \b
    pixelstat paths access.log*                        a tree from the start
    pixelstat paths access.log* --from /pricing --depth 3
    pixelstat paths access.log* --from / -o edges.csv  for a Sankey diagram
    pixelstat paths access.log* --to purchase --show whole --depth 8
    """
    anchor = options.start or options.end
    rows = events.filter(pl.col("visit").is_not_null() & pl.col("event").ne_missing(pl.lit("ping"))).select(
        "hit", "first", "visit", "time",
        who=pl.col("visitor").cast(pl.Categorical()).to_physical(),
        node=_name_step(options.nodes).cast(pl.Categorical()),
        is_view=is_page_view(),
        is_node=is_page_view() if options.nodes == "page" else pl.lit(value=True),
        is_start=anchor.hit if anchor else pl.lit(value=False),
    )  # fmt: skip
    shown = options.show or ("tree" if run.is_table else "edges")
    settings = PathSettings(
        anchor, options.depth, options.top, shown, is_back=options.end is not None, collapses=options.collapse
    )
    schema = {"edges": EDGES, "tree": TREE, "whole": WHOLE_TO if options.end else WHOLE}[shown]
    return rows.map_batches(partial(count_paths, settings=settings, warn=run.warn), schema=schema)


@dataclass(frozen=True)
class PathSettings:
    """What the report shows of the visits."""

    anchor: Step | None  # where paths start, or with `is_back` end; None: where visits begin
    depth: int  # how many steps are followed
    top: int  # how many targets each step shows; 0: all
    show: str  # tree, edges, whole
    is_back: bool  # follow time backwards from the anchor
    collapses: bool  # a step that directly repeats counts once


def count_paths(hits: pl.DataFrame, settings: PathSettings, warn: Callable[[str], object]) -> pl.DataFrame:
    """Return the rows of the report for these hits, in the schema of what is shown.

    Takes all hits of visits: hit, first, visit, time, who (a number of the visitor), node (the name of the step),
    is_view, is_node (may be a step) and is_start (matches the anchor).
    """
    anchor, is_back = settings.anchor, settings.is_back
    for sentence in describe_unmatched(hits, "is_start", anchor, "node") if anchor else ():
        warn(f"{'--to' if is_back else '--from'} {sentence}")
    names, ordered = sort_steps(hits)
    steps = trim_to_start(ordered, is_back=is_back) if anchor else ordered.filter("is_node")
    if settings.collapses:
        steps = steps.filter(is_first_of_visit() | (pl.col("code") != pl.col("code").shift()))
    visits = pivot_steps(steps, settings.depth, len(names) + 1, after=1 if anchor else 0)
    visitors = hits.select("visit", "who").unique()
    labels = pl.concat([names, pl.Series([OTHER, ENTRY if is_back else EXIT, anchor.name if anchor else ENTRY])])
    paths = VisitPaths(visits.join(visitors, on="visit"), labels, settings.depth, settings.top, is_back=is_back)
    if settings.show == "edges":
        return build_edges(paths)
    if settings.show == "tree":
        return build_tree(paths)
    if not is_back:
        return build_whole_paths(paths)
    unconverted = ordered.filter("is_node").join(visits, on="visit", how="anti", maintain_order="left")
    last_steps = rank_last_steps(unconverted, visitors, paths)
    parts = [(build_whole_paths(paths), True), (last_steps, False)]
    return pl.concat(part.with_columns(converted=converted).select(WHOLE_TO.names()) for part, converted in parts)


def _name_step(nodes: str) -> pl.Expr:
    """Return the name of an event as a step: the page that is viewed, or the event. Never null."""
    page = pl.when(is_page_view()).then("page") if nodes != "event" else pl.lit(None, pl.String)
    return pl.coalesce(page, "event", pl.lit(UNKNOWN))


# -- steps of visits -> rows ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class VisitPaths:
    """The paths of visits as codes of steps, and how much of them is shown."""

    visits: pl.DataFrame  # a row for each visit: who, and `1`, `2` ... the codes of its steps; null behind (exit)
    labels: pl.Series  # the name of each code; the last three are (other), (exit) or (entry), and the start
    depth: int
    top: int
    is_back: bool  # paths lead back in time, from the start

    @property
    def other_code(self) -> int:
        """The code of (other). All lower codes are those of named steps."""
        return len(self.labels) - 3

    @property
    def start_code(self) -> int:
        """The code of the start."""
        return len(self.labels) - 1

    def label(self, code: str) -> pl.Expr:
        """Return the names of the codes in this column; null for null."""
        return pl.lit(self.labels).gather(pl.col(code))

    def short_label(self, code: str) -> pl.Expr:
        """Return the names of the codes in this column, cut to MAX_STEP_CHARS for a path."""
        label = self.label(code)
        return (
            pl.when(label.str.len_chars() > MAX_STEP_CHARS).then(label.str.head(MAX_STEP_CHARS) + "…").otherwise(label)
        )


def rank_targets(steps: pl.DataFrame, top: int, other_code: int) -> pl.DataFrame:
    """Return at, target and FIGURES: the `top` targets of each source, from a row of at, target, who for each visit.

    `at` is a number of the source. Rows come by `at`; then the targets with most visitors come first, then (other) for
    the rest, then exits. Codes from `other_code` on are (other) and (exit).
    """
    counts = _count_targets(steps)
    is_named = pl.col("target") < other_code
    by = ["at", "visitors", "visits", "target"]
    descending = [False, True, True, False]
    if top:
        named = counts.filter(is_named).sort(by, descending=descending)
        rest = named.filter(pl.int_range(pl.len()).over("at") >= top).select("at", "target")
        others = steps.join(rest, on=["at", "target"], how="semi")
        others = _count_targets(others.with_columns(target=pl.lit(other_code, pl.UInt32)))
        counts = pl.concat([counts.join(rest, on=["at", "target"], how="anti"), others])
    sources = steps.select("at", "who").unique().group_by("at").agg(visitors_at_step=pl.len().cast(pl.Int64))
    special_last = pl.when(is_named).then(0).otherwise("target")
    counts = counts.join(sources, on="at").sort("at", special_last, *by[1:], descending=[False, *descending])
    # As series: within an expression Polars multiplies by 1/n where n is the same throughout, and 49/49 is not 1.
    return counts.with_columns(share=counts["visitors"] / counts["visitors_at_step"])


def _count_targets(steps: pl.DataFrame) -> pl.DataFrame:
    """Return visitors and visits by at and target."""
    by_visitor = steps.group_by("at", "target", "who").agg(visits=pl.len().cast(pl.Int64))
    return by_visitor.group_by("at", "target").agg(visitors=pl.len().cast(pl.Int64), visits=pl.col("visits").sum())


def rank_last_steps(steps: pl.DataFrame, visitors: pl.DataFrame, paths: VisitPaths) -> pl.DataFrame:
    """Return path and FIGURES of the steps that end these visits, from their steps in order and their `visitors`."""
    last = steps.filter(is_last_of_visit()).join(visitors, on="visit")
    ranked = rank_targets(last.select("who", at=pl.lit(0, pl.UInt32), target="code"), paths.top, paths.other_code)
    return ranked.with_columns(path=paths.short_label("target"))


def follow_steps(paths: VisitPaths, *, merges: bool) -> Iterator[pl.DataFrame]:
    """Yield the rows of each step, by `rank_targets`.

    `at` is the index of the row of the step before, or with `merges` the code of the step before: then all visits that
    come from the same step share a source, whatever path led there.
    """
    remaining = paths.visits.with_columns(at=pl.lit(paths.start_code if merges else 0, pl.UInt32))
    for step in map(str, range(1, paths.depth + 1)):
        ranked = rank_targets(remaining.select("at", "who", target=step), paths.top, paths.other_code)
        yield ranked
        next_source = ranked.with_columns(next="target" if merges else pl.int_range(pl.len(), dtype=pl.UInt32))
        next_source = next_source.filter(pl.col("target") < paths.other_code).select("at", "target", "next")
        remaining = remaining.join(next_source, left_on=["at", step], right_on=["at", "target"])
        remaining = remaining.drop("at", step).rename({"next": "at"})


def build_edges(paths: VisitPaths) -> pl.DataFrame:
    """Return EDGES, step by step, from the sources with most visitors."""
    nearer, farther = ("target", "source") if paths.is_back else ("source", "target")
    parts = [pl.DataFrame(schema=EDGES)]
    for step, ranked in enumerate(follow_steps(paths, merges=True), 1):
        ordered = ranked.sort("visitors_at_step", "at", descending=[True, False], maintain_order=True)
        ends = {nearer: paths.label("at"), farther: paths.label("target")}
        parts.append(ordered.with_columns(step=pl.lit(step, pl.Int64), **ends).select(EDGES.names()))
    return pl.concat(parts)


def build_tree(paths: VisitPaths) -> pl.DataFrame:
    """Return TREE: the start, and below each row the rows that lead on from it."""
    separator = BEFORE if paths.is_back else AFTER
    start = pl.DataFrame({"at": [paths.start_code]}, {"at": pl.UInt32}).select(path=paths.short_label("at"))
    visitors, visits = paths.visits["who"].n_unique(), len(paths.visits)
    parents = start.with_columns(visitors=pl.lit(visitors, pl.Int64), visits=pl.lit(visits, pl.Int64))
    parts = [parents]
    positions: list[str] = []  # columns: where a row stands among its siblings, step by step
    for ranked in follow_steps(paths, merges=False):
        parent = parents.select("path", *positions)[ranked["at"]]
        position = f"position {len(positions)}"
        parents = ranked.select(
            "visitors", "visits", "share",
            *parent.select(positions),
            path=parent["path"] + separator + ranked.select(paths.short_label("target")).to_series(),
            **{position: pl.int_range(pl.len(), dtype=pl.UInt32)},
        )  # fmt: skip
        positions.append(position)
        parts.append(parents)
    return pl.concat(parts, how="diagonal").sort(positions, nulls_last=False).select(TREE.names())


def build_whole_paths(paths: VisitPaths) -> pl.DataFrame:
    """Return WHOLE: the paths that most visitors take."""
    steps = [str(step) for step in range(1, paths.depth + 1)]
    distinct_paths = paths.visits.select(steps).unique().sort(steps, nulls_last=True).with_row_index("target")
    other_code = len(distinct_paths)
    visits = paths.visits.join(distinct_paths, on=steps, nulls_equal=True)
    ranked = rank_targets(visits.select("who", "target", at=pl.lit(0, pl.UInt32)), paths.top, other_code)
    ranked_steps = ranked.select("target").join(distinct_paths, on="target", how="left", maintain_order="left")
    ranked_steps = ranked_steps.with_columns(start=pl.lit(paths.start_code, pl.UInt32))
    order = [*reversed(steps), "start"] if paths.is_back else ["start", *steps]
    path = pl.concat_str(*map(paths.short_label, order), separator=AFTER, ignore_nulls=True)
    path = pl.when(pl.col("target") == other_code).then(pl.lit(OTHER)).otherwise(path)
    return ranked.with_columns(ranked_steps.select(path=path)).select(WHOLE.names())
