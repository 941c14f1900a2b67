"""Declare the options that several commands share, each once, with its type and help."""

import click

from pixelstat import outputs
from pixelstat.options.types import (
    BadLineLimitType,
    DurationType,
    NetworkType,
    SizeType,
    TouchType,
    VisitorKeyType,
    ZoneType,
)

# -- of reports --------------------------------------------------------------------------------------------------


steps_option = click.Option(
    ["--steps"],
    metavar="A,B,C",
    help="The steps: events, pages like /cart or /products/*, SQL conditions.",
)
step_option = click.Option(
    ["--step", "step"], multiple=True, metavar="STEP", help="One more step; repeat it. Good for steps that hold commas."
)
goal_option = click.Option(
    ["--goal"], multiple=True, metavar="GOAL",
    help="A goal: an event, a page, SQL, or the name of one in pixelstat.toml; repeat it.",
)  # fmt: skip
funnel_option = click.Option(["--funnel"], metavar="NAME", help="The steps of this funnel in pixelstat.toml.")
window_option = click.Option(
    ["--window"], type=DurationType(), default="7d", show_default=True, metavar="TIME",
    help="At most so long from the first step to the last: 30m, 12h, 7d.",
)  # fmt: skip
top_option = click.Option(
    ["--top"], type=click.IntRange(min=0), default=20, show_default=True, metavar="N",
    help="So many rows, or groups of rows; 0 for all.",
)  # fmt: skip
top_groups_option = click.Option(
    ["--top"], type=click.IntRange(min=0), default=20, show_default=True, metavar="N",
    help="With --by: so many of its values, those with most; 0 for all.",
)  # fmt: skip
top_per_section_option = click.Option(
    ["--top"], type=click.IntRange(min=0), default=5, show_default=True, metavar="N", help="So many of each; 0 for all."
)
by_option = click.Option(
    ["--by"], multiple=True, metavar="COLUMN", help="A row for each value of this column of the events; repeat it."
)
every_option = click.Option(
    ["--every"], type=click.Choice(["hour", "day", "week", "month"]), help="A series over time instead."
)
every_or_all_option = click.Option(
    ["--every"], type=click.Choice(["hour", "day", "week", "month", "all"]), default="day", show_default=True,
    help="So long is a row; all is the whole range.",
)  # fmt: skip
refund_date_option = click.Option(
    ["--refund-date", "refund_date"], type=click.Choice(["order", "own"]), default="order", show_default=True,
    help="A refund belongs to the date of its order, or to its own.",
)  # fmt: skip
repeat_option = click.Option(["--repeat"], is_flag=True, help="How many buy again, and when, instead of a series.")
horizon_option = click.Option(
    ["--horizon"], type=DurationType(), default="90d", show_default=True, metavar="TIME",
    help="With --repeat: so long has everyone to buy again; for whom it is not over, the answer is pending.",
)  # fmt: skip
viewed_option = click.Option(
    ["--viewed-not-purchased", "viewed_not_purchased"], is_flag=True,
    help="List who viewed a product and has not bought it since, instead.",
)  # fmt: skip
abandoned_option = click.Option(["--abandoned"], is_flag=True, help="How many carts are left without buying, instead.")
decision_option = click.Option(
    ["--window"], type=DurationType(), default="7d", show_default=True, metavar="TIME",
    help="With one of these two: so long has everyone to buy; for whom it is not over, the answer is pending.",
)  # fmt: skip
compare_option = click.Option(
    ["--compare"],
    metavar="PERIOD",
    help="The same of another period beside it, and the change: previous, or 2026-08-01..2026-08-31.",
)


# fmt: off
FUNNEL: list[click.Parameter] = [
    steps_option,
    step_option,
    funnel_option,
    window_option,
    click.Option(["--step-window", "step_window"], type=DurationType(), metavar="TIME", help="At most so long from each step to the next."),
    click.Option(["--order"], type=click.Choice(["ordered", "strict", "unordered"]), default="ordered", show_default=True, help="Others may lie between; nothing may; or steps in any order."),
    click.Option(["--strict-over", "strict_over"], metavar="A,B", help="With --order strict: only these and the steps may not lie between."),
    click.Option(["--open", "is_open"], is_flag=True, help="Visitors may enter at any step."),
    click.Option(["--optional"], type=click.IntRange(min=1), multiple=True, metavar="N", help="Step N may be left out; repeat it."),
    click.Option(["--exclude"], multiple=True, metavar="EVENT[:A-B]", help="Not with this in it, or between steps A and B; repeat it."),
    click.Option(["--exclude-mode", "exclude_mode"], type=click.Choice(["drop", "stop"]), default="drop", show_default=True, help="Whom it breaks off counts nowhere, or as far as they came."),
    click.Option(["--grace"], type=DurationType(), metavar="TIME", help="Hits so close may stand in either order."),
    click.Option(["--entry"], type=click.Choice(["latest", "first"]), default="latest", show_default=True, help="Which hit of step 1 the window begins with."),
    click.Option(["--count"], type=click.Choice(["uniques", "totals", "visits"]), default="uniques", show_default=True, help="Each visitor once, every entry, or one entry a visit."),
    click.Option(["--unit", "actor"], type=click.Choice(["visitor", "visit", "user"]), default="visitor", show_default=True, help="Whose hits make a way."),
    click.Option(["--hold", "held_column"], metavar="COLUMN", help="All hits of a way have one value of this column."),
    by_option,
    click.Option(["--touch"], type=TouchType(), default="first", show_default=True, metavar="first|last|all|step:N", help="With --by: the first or last value a visitor shows, the one at step N, or ways of one value."),
    click.Option(["--top"], type=click.IntRange(min=0), default=20, show_default=True, metavar="N", help="With --by: so many funnels, and one of all (other) values; 0 for all."),
    click.Option(["--every"], type=click.Choice(["day", "week", "month"]), help="A series over time, by the time of step 1."),
    click.Option(["--histogram"], is_flag=True, help="How long the whole way takes, instead."),
    click.Option(["--visitors-at", "visitors_at"], metavar="STEP", help="List who was at this step, by its number or name, instead."),
    click.Option(["--lost"], is_flag=True, help="With --visitors-at: who reached the step before and not this one."),
    click.Option(["--reached"], is_flag=True, help="With --visitors-at: who reached it."),
]
# fmt: on


reveal_option = click.Option(
    ["--reveal-ids", "reveal_ids"], is_flag=True,
    help="Write ids, addresses and requests as they are, not as pseudonyms.",
)  # fmt: skip

# -- of every report ---------------------------------------------------------------------------------------------

logs_argument = click.Argument(["logs"], nargs=-1, metavar="[LOGS]...")
# fmt: off
tz_option = click.Option(["--tz"], type=ZoneType(), default="UTC", show_default=True, metavar="ZONE", help="Time zone of days and times.")
FILTERS = [
    click.Option(["--since"], metavar="WHEN", help="From then on: a date, a time, 7d (ago), yesterday."),
    click.Option(["--until"], metavar="WHEN", help="Up to then; a date or yesterday includes that day."),
    tz_option,
    click.Option(["--host"], metavar="HOST", help="Only this site."),
    click.Option(["--where"], metavar="SQL", help="Only events for which it holds: \"utm_source = 'newsletter'\"."),
    click.Option(["--group-pages", "group_pages"], metavar="FILE|toml", help="Take many pages for one, wherever a page is named or written: a line /products/* -> product page for each group, or [page_groups] of pixelstat.toml."),
    click.Option(["--exclude-ip", "exclude_ip"], type=NetworkType(), multiple=True, metavar="NET", help="Not from this address or network; repeat it."),
    click.Option(["--bots"], type=click.Choice(["exclude", "include", "only"]), default="exclude", show_default=True, help="What to do with bots."),
    click.Option(["--consent"], type=click.Choice(["respect", "require", "ignore"]), default="respect", show_default=True, help="respect sets aside who refuses, require also who does not consent, ignore nobody."),
    click.Option(["--keep-duplicates", "keep_duplicates"], is_flag=True, help="Count a hit again that the log holds twice, and an order that is reloaded."),
    click.Option(["--visitor"], type=VisitorKeyType(), default="auto", show_default=True, metavar="KEY", help="Know visitors by the pixel's visitor, by user, client (address and agent), a parameter or cookie:NAME alone; auto: by the first there is."),
    click.Option(["--cookieless"], is_flag=True, help="Know visitors by address and agent alone, and for one day."),
    click.Option(["--key"], metavar="FILE", help="The key of pseudonyms, in place of the project's or one's own; made where there is none."),
    click.Option(["--stitch"], is_flag=True, help="One visitor for all ids, users and recipients that events show together; reads the logs twice."),
    click.Option(["--geo"], multiple=True, metavar="FILE", help="Tell country, city, network by this MaxMind database (.mmdb); repeat it."),
]
MACHINES = [
    click.Option(["--machines"], type=click.Choice(["include", "label", "exclude"]), default="include", show_default=True, help="Hits of machines: judge by one request, by all (traffic_class, reason), or set aside."),
    click.Option(["--networks"], multiple=True, metavar="FILE", help="Further networks of machines, one a line; repeat it."),
    click.Option(["--sent"], metavar="FILE", help="CSV of what was sent: message,sent or message,recipient,time."),
    click.Option(["--burst-links", "burst_links"], type=click.IntRange(min=0), default=3, show_default=True, metavar="N", help="Links of a message that no recipient clicks within --burst-time; 0: any."),
    click.Option(["--burst-time", "burst_time"], type=DurationType(), default="10s", show_default=True, metavar="TIME"),
    click.Option(["--address-recipients", "address_recipients"], type=click.IntRange(min=0), default=10, show_default=True, metavar="N", help="Recipients that no address has within --address-time; 0: any."),
    click.Option(["--address-time", "address_time"], type=DurationType(), default="10m", show_default=True, metavar="TIME"),
    click.Option(["--recipient-addresses", "recipient_addresses"], type=click.IntRange(min=0), default=3, show_default=True, metavar="N", help="Addresses that no recipient of a message has within --recipient-time; 0: any."),
    click.Option(["--recipient-time", "recipient_time"], type=DurationType(), default="30s", show_default=True, metavar="TIME"),
    click.Option(["--after-send", "after_send"], type=DurationType(), default="2s", show_default=True, metavar="TIME", help="Nobody opens or clicks so soon after sending."),
    click.Option(["--page-rate", "page_rate"], type=click.IntRange(min=0), default=60, show_default=True, metavar="N", help="Page views that no visitor has in a minute; 0: any."),
]
SESSIONS = [
    click.Option(["--visit-timeout", "visit_timeout"], type=DurationType(), default="30m", show_default=True, metavar="TIME", help="A visit ends with a longer pause."),
    click.Option(["--split-midnight", "split_midnight"], is_flag=True, help="Another day begins another visit."),
    click.Option(["--split-campaign", "split_campaign"], is_flag=True, help="Another source, medium or campaign begins another visit."),
]
READING = [
    click.Option(["--pixel"], multiple=True, metavar="PATH", help="A path that is a pixel of yours (/img/s.gif, s.gif); repeat it."),
    click.Option(["--config"], metavar="FILE", help="Read this file in place of the nearest pixelstat.toml."),
    click.Option(["--protocol"], multiple=True, metavar="NAME", help="Ask this pixel protocol first, also if it must be named; repeat it."),
    click.Option(["--log-format", "log_format"], metavar="FORMAT", help="A format's name, or a log_format (nginx) or LogFormat (Apache) string."),
    click.Option(["--nginx-conf", "nginx_conf"], metavar="FILE", help="Read the logs by the log_format directives of this nginx configuration."),
    click.Option(["--log-tz", "log_tz"], type=ZoneType(), default="UTC", show_default=True, metavar="ZONE", help="Time zone of log times that name none."),
    click.Option(["--trusted-proxy", "trusted_proxy"], type=NetworkType(), multiple=True, metavar="NET", help="A proxy whose X-Forwarded-For tells the client; repeat it."),
    click.Option(["--max-line", "max_line"], type=SizeType(), default="2M", show_default=True, metavar="SIZE", help="Of a longer line, only so much is read."),
    click.Option(["--explain"], metavar="LINE", help="Say what becomes of one line (or FILE:N) and why, instead of the report."),
]
BAD_LINES = [
    click.Option(["--rejects"], metavar="FILE", help="Keep each bad line as it is, with file, line and reason."),
    click.Option(["--max-errors", "max_errors"], type=BadLineLimitType(), metavar="N|P%", help="More bad lines than that: no report, exit code 4."),
    click.Option(["--strict"], is_flag=True, help="The same as --max-errors 0."),
]
OUTPUT = [
    click.Option(["--format", "format"], type=click.Choice([*outputs.NAMES]), help="Default: a table on a terminal, else csv; with -o by its ending."),
    click.Option(["-o", "--output"], metavar="FILE", help="Write to FILE, whole or not at all."),
    click.Option(["--csv-safe/--no-csv-safe"], default=True, show_default=True, help="Defuse cells that a spreadsheet would run as a formula."),
    click.Option(["--mkdir"], is_flag=True, help="Create the missing folders of --output and --rejects."),
    click.Option(["--columns"], multiple=True, metavar="A,B,C", help="Write only these columns, in this order."),
    click.Option(["--sort"], multiple=True, metavar="COLUMN,-COLUMN", help="Sort the rows by these columns; -COLUMN sorts in descending order."),
    click.Option(["--fail-if", "fail_if"], multiple=True, metavar="SQL", help="Exit with code 5 if the condition holds for a row of the report: \"visitors < 100\"; repeat it."),
    click.Option(["--fail-if-empty", "fail_if_empty"], is_flag=True, help="Exit with code 5 if the report has no rows."),
    click.Option(["-q", "--quiet"], is_flag=True, help="Errors only on stderr."),
    click.Option(["--debug"], is_flag=True, help="Show the traceback of a failure."),
]
# fmt: on
COMMON: dict[str, list[click.Option]] = {
    "Which events": FILTERS,
    "Mails and machines": MACHINES,
    "Visits": SESSIONS,
    "Reading": READING,
    "Bad lines (each of these parses every line, not only the pixel's)": BAD_LINES,
    "Output": OUTPUT,
}


def common_options() -> list[click.Option]:
    """Return the options that every report has."""
    return [option for options in COMMON.values() for option in options]
