"""Run `pixelstat plan-experiment`: tell how many visitors and days an experiment needs before it starts."""

from collections.abc import Sequence
from math import ceil
from typing import Any

import click
import polars as pl

from pixelstat.analysis.experiments import compute_visitors_needed
from pixelstat.cli.delivery import deliver_listing
from pixelstat.errors import Exit, PixelstatError
from pixelstat.options.shared import OUTPUT
from pixelstat.options.types import PercentType
from pixelstat.result import TYPE_OF_KIND, Column

COLUMNS = (
    Column("variants", "count", "number of variants, the control included"),
    Column("baseline", "share", "conversion rate without the change"),
    Column("lift", "change", "relative lift that the experiment should show"),
    Column("target", "share", "conversion rate with this lift"),
    Column("alpha", "share", "chance to show a lift that does not exist"),
    Column("power", "share", "chance to show the lift if it exists"),
    Column("visitors_per_variant", "count", "visitors that each variant needs", needed=True),
    Column("visitors", "count", "visitors that all variants need together", needed=True),
    Column("days", "count", "whole days until that; null without --visitors-per-day", needed=True),
)
SHARE = PercentType(0, 100)
MOST_VISITORS = 1e10  # of a variant


def _refuse_logs(_: click.Context, __: click.Parameter, words: Sequence[str]) -> None:
    """Raise PixelstatError for any word: who names logs wants the report, not the plan."""
    if words:
        hint = "To read a log with the name plan: pixelstat experiment ./plan"
        raise PixelstatError(f"A plan reads no logs, but the command line names {words[0]!r}.", hint)


PARAMETERS = [
    click.Argument(["words"], nargs=-1, metavar="", is_eager=True, expose_value=False, callback=_refuse_logs),
    click.Option(["--baseline"], type=SHARE, required=True, metavar="PERCENT", help="Conversion rate today."),
    click.Option(["--lift"], type=PercentType(-100), required=True, metavar="PERCENT", help="Relative lift to show."),
    click.Option(
        ["--alpha"], type=SHARE, default="5%", show_default=True, metavar="PERCENT", help="Chance of a false alarm."
    ),
    click.Option(
        ["--power"], type=SHARE, default="80%", show_default=True, metavar="PERCENT", help="Chance to show the lift."
    ),
    click.Option(
        ["--variants"],
        type=click.IntRange(min=2),
        default=2,
        show_default=True,
        metavar="N",
        help="Number of variants.",
    ),
    click.Option(
        ["--visitors-per-day", "visitors_per_day"],
        type=click.IntRange(min=1),
        metavar="N",
        help="Visitors a day who see any of the variants.",
    ),
    *OUTPUT[:-1],
]


@click.command("plan-experiment", params=PARAMETERS)
def command(
    *,
    baseline: float,
    lift: float,
    alpha: float,
    power: float,
    variants: int,
    visitors_per_day: int | None,
    **options: Any,
) -> Exit:
    """Tell how many visitors an experiment needs, and how many days, before it starts.

    The experiment ends when each variant has these visitors. Then `pixelstat experiment` shows the lift with the chance
    of --power, if it exists. More than two variants share --alpha (Bonferroni). `pixelstat experiment plan` is the same
    command; for a log of that name, write ./plan.

    \b
    pixelstat plan-experiment --baseline 3% --lift 10%
    pixelstat experiment plan --baseline 3% --lift 10% --visitors-per-day 2000
    """
    if power <= alpha:
        raise PixelstatError(f"--power {power:.1%} is not above --alpha {alpha:.1%}.", "Try: --power 80%")
    needed = compute_visitors_needed(baseline, lift, alpha=alpha, power=power, comparisons=variants - 1)
    if needed is None:
        raise PixelstatError(
            f"A lift of {lift:+.1%} makes the rate {baseline * (1 + lift):.1%}.", "Choose a smaller --lift."
        )
    if needed > MOST_VISITORS:
        raise PixelstatError(
            f"A lift of {lift:+.2g} needs more visitors than there are people.", "Choose a larger --lift."
        )
    visitors = ceil(needed) * variants
    row = {
        "variants": variants,
        "baseline": baseline,
        "lift": lift,
        "target": baseline * (1 + lift),
        "alpha": alpha,
        "power": power,
        "visitors_per_variant": ceil(needed),
        "visitors": visitors,
        "days": None if visitors_per_day is None else ceil(visitors / visitors_per_day),
    }
    frame = pl.DataFrame([row], {column.name: TYPE_OF_KIND[column.kind] for column in COLUMNS})
    return deliver_listing("Plan of an experiment", COLUMNS, frame, options)
