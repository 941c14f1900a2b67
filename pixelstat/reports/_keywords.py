"""Declare a report whose function takes its options and the facts of its run as keywords, as funnel and paths do."""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import MISSING, field, fields, make_dataclass
from functools import wraps
from typing import Any

import click
import polars as pl

from pixelstat.options.values import ReportOptions
from pixelstat.reports._report import Report, RunContext
from pixelstat.result import Column

RUN = {"tz": "time_zone", **{run.name: run.name for run in fields(RunContext)}}  # keyword: field of RunContext
RENAMED = {"of_visits": "needs_visits", "named": "event_columns", "ahead": "lookahead"}


def report(
    title: str, columns: Sequence[Column], options: Sequence[click.Parameter], **declarations: Any
) -> Callable[[Callable[..., pl.LazyFrame]], Report]:
    def declare(function: Callable[..., pl.LazyFrame]) -> Report:
        parameters = list(inspect.signature(function).parameters.values())[1:]
        of_run = {each.name: RUN[each.name] for each in parameters if each.name in RUN}
        own = [each for each in parameters if each.name not in RUN]
        options_type = make_dataclass(
            "Options",
            [
                (each.name, Any, field(default=MISSING if each.default is each.empty else each.default))
                for each in own
            ],
            bases=(ReportOptions,), frozen=True, kw_only=True,
        )  # fmt: skip

        @wraps(function)
        def compute(events: pl.LazyFrame, options: Any, run: RunContext) -> pl.LazyFrame:
            keywords = {each.name: getattr(options, each.name) for each in own}
            return function(events, **keywords, **{name: getattr(run, fact) for name, fact in of_run.items()})

        del compute.__wrapped__
        renamed = {RENAMED.get(name, name): value for name, value in declarations.items()}
        for name in ("caption", "event_columns", "lookahead"):
            if name in renamed:
                renamed[name] = _with_keywords(renamed[name])
        return Report(title, columns, options, compute, options_type, **renamed)

    return declare


def _with_keywords(function: Callable[..., Any]) -> Callable[[ReportOptions], Any]:
    return lambda options: function(**{each.name: getattr(options, each.name) for each in fields(options)})
