"""Declare the options that several commands share, each once, with its type and help.

The first sentence of a help text says what the option does: `--help` shows it alone. `--help-all` shows the whole text.
"""

import click

from pixelstat import outputs
from pixelstat.options.types import (
    ActorListType,
    BadLineLimitType,
    ColumnType,
    DurationType,
    FileType,
    HeaderType,
    NetworkType,
    PercentType,
    ProjectNameType,
    SharesType,
    SizeType,
    TouchType,
    VisitorKeyType,
    ZoneType,
)
from pixelstat.vocabulary import SINGLE_TOUCH_MODELS

# fmt: off
logs_argument = click.Argument(["logs"], nargs=-1, type=FileType(), metavar="[LOGS]...")

# -- of some reports ---------------------------------------------------------------------------------------------

steps_option = click.Option(["--steps"], metavar="A,B,C", help="Set the steps: events, pages or SQL conditions. A page is a path such as /cart or /products/*. Default: the usual steps of a shop that occur in the logs.")
step_option = click.Option(["--step", "step"], type=ProjectNameType("goals"), multiple=True, metavar="STEP", help="Add one step; it may contain commas. Can be repeated.")
goal_option = click.Option(["--goal"], type=ProjectNameType("goals"), multiple=True, metavar="GOAL", help="Count this goal: an event, a page or an SQL condition. It can also be the name of a goal in pixelstat.toml. Can be repeated. Default: the goals of pixelstat.toml, else purchase, lead, signup and goal.")
funnel_option = click.Option(["--funnel"], type=ProjectNameType("funnels"), metavar="NAME", help="Use the steps of this funnel in pixelstat.toml.")
window_option = click.Option(["--window"], type=DurationType(), default="7d", show_default=True, metavar="TIME", help="Set the conversion window: the longest time from the first step to the last. Examples: 30m, 12h, 7d.")
top_option = click.Option(["--top"], type=click.IntRange(min=0), default=20, show_default=True, metavar="N", help="Show the N largest rows or groups; 0 shows all.")
top_groups_option = click.Option(["--top"], type=click.IntRange(min=0), default=20, show_default=True, metavar="N", help="With --by: show the N largest groups; 0 shows all.")
top_per_section_option = click.Option(["--top"], type=click.IntRange(min=0), default=5, show_default=True, metavar="N", help="Show the N largest of each kind; 0 shows all.")
by_option = click.Option(["--by"], type=ColumnType(), multiple=True, metavar="COLUMN", help="Show a row for each value of this column. `pixelstat help columns` lists the columns. Can be repeated.")
by_product_option = click.Option(["--by"], type=ColumnType("category", "name"), multiple=True, metavar="COLUMN", help="Show a row for each value of this column: product, category, name or another one. `pixelstat help columns` lists the columns. Can be repeated.")
every_option = click.Option(["--every"], type=click.Choice(["hour", "day", "week", "month"]), help="Show a time series with rows of this length.")
every_or_all_option = click.Option(["--every"], type=click.Choice(["hour", "day", "week", "month", "all"]), default="day", show_default=True, help="Set the length of a row. With all, one row covers the whole period.")
refund_date_option = click.Option(["--refund-date", "refund_date"], type=click.Choice(["order", "own"]), default="order", show_default=True, help="Count a refund at the date of its order or at its own date.")
revenue_option = click.Option(["--revenue"], type=click.Choice(["gross", "net-of-tax-and-shipping"]), default="gross", show_default=True, help="Show revenue as the pixel sends it, or without tax and shipping. Refunds are reduced in proportion.")
repeat_option = click.Option(["--repeat"], is_flag=True, help="Show how many customers order again, instead of a time series.")
horizon_option = click.Option(["--horizon"], type=DurationType(), default="90d", show_default=True, metavar="TIME", help="With --repeat: give each customer this time to order again. Customers whose time is not over are pending.")
viewed_option = click.Option(["--viewed-not-purchased", "viewed_not_purchased"], is_flag=True, help="List visitors who viewed a product and did not buy it.")
abandoned_option = click.Option(["--abandoned"], is_flag=True, help="Show how many carts are abandoned, instead of products.")
decision_option = click.Option(["--window"], type=DurationType(), default="7d", show_default=True, metavar="TIME", help="With --abandoned or --viewed-not-purchased: give each visitor this time to buy. Visitors whose time is not over are pending.")
attribution_option = click.Option(["--attribution"], type=click.Choice(SINGLE_TOUCH_MODELS), default="last_non_direct", show_default=True, metavar="MODEL", help="With --by channel, utm_campaign, ...: use that of this visit. last_non_direct: the last visit of the visitor that is not Direct, or a Direct one if there is no other; last: the last visit; first: the first visit; visit: the visit of the event itself. A click in an email counts like a visit.")
lookback_option = click.Option(["--lookback"], type=DurationType(), default="30d", show_default=True, metavar="TIME", help="Attribute to a visit within this time.")
compare_option = click.Option(["--compare"], metavar="START..END", help="Compare with `previous` or with START..END. `previous` is the period of the same length before this one. START..END names two days: 2026-08-01..2026-08-31.")
reveal_option = click.Option(["--reveal-ids", "reveal_ids"], is_flag=True, help="Show real ids and addresses instead of pseudonyms.")

FUNNEL: list[click.Parameter] = [
    steps_option,
    step_option,
    funnel_option,
    window_option,
    click.Option(["--step-window", "step_window"], type=DurationType(), metavar="TIME", help="Limit the time from each step to the next. By default, only --window limits this time."),
    click.Option(["--order"], type=click.Choice(["ordered", "strict", "unordered"]), default="ordered", show_default=True, metavar="ORDER", help="Match the steps ordered, strict (nothing else between them) or unordered."),
    click.Option(["--strict-over", "strict_over"], metavar="A,B", help="With --order strict: forbid only these events. Default: all events but heartbeats and email events."),
    click.Option(["--open", "is_open"], is_flag=True, help="Let visitors enter the funnel at any step."),
    click.Option(["--optional"], type=click.IntRange(min=1), multiple=True, metavar="N", help="Let visitors skip step N. Can be repeated."),
    click.Option(["--exclude"], multiple=True, metavar="EVENT[:A-B]", help="Exclude visitors who do this within the funnel. EVENT:1-2 excludes it between steps 1 and 2 only. Can be repeated."),
    click.Option(["--exclude-mode", "exclude_mode"], type=click.Choice(["drop", "stop"]), metavar="drop|stop", help="Drop these visitors, or stop at the excluded event. drop: do not count visitors if an excluded event stops them; stop: count them up to the excluded event. Default: drop; with --open: stop."),
    click.Option(["--grace"], type=DurationType(), metavar="TIME", help="Match events this close in time in any order. Default: events within one second."),
    click.Option(["--entry"], type=click.Choice(["earliest", "latest", "first"]), default="earliest", show_default=True, metavar="WHICH", help="Choose the hit of step 1 that starts the window. earliest, latest: the earliest or latest hit that reaches the most steps; first: the visitor's first hit. earliest and latest count the same visitors; only the times differ."),
    click.Option(["--count"], type=click.Choice(["uniques", "totals", "visits"]), default="uniques", show_default=True, metavar="WHAT", help="Count visitors (uniques), all entries (totals) or one entry per visit (visits)."),
    click.Option(["--unit", "actor"], type=click.Choice(["visitor", "visit", "user"]), default="visitor", show_default=True, metavar="UNIT", help="Require all steps from one visitor, visit or user."),
    click.Option(["--hold", "held_column"], type=ColumnType(), metavar="COLUMN", help="Require one value of this column in all steps."),
    by_option,
    click.Option(["--touch"], type=TouchType(), metavar="VALUE", help="With --by: choose the value of a visitor. first, last: the first or last value in the visitor's events; step:N: the value at step N; all: all steps need the same value. Default: first; for channel, utm_campaign and other columns of a visit's source: the value at the last step that the visitor reaches."),
    attribution_option,
    lookback_option,
    click.Option(["--top"], type=click.IntRange(min=0), default=20, show_default=True, metavar="N", help="With --by: show the N largest groups. 0 shows all. One more funnel sums up the other groups."),
    click.Option(["--every"], type=click.Choice(["day", "week", "month"]), help="Show a time series, by the time of step 1."),
    click.Option(["--histogram"], is_flag=True, help="Show how long the funnel takes, instead of steps."),
    click.Option(["--list", "actor_list"], type=ActorListType(), metavar="dropped:STEP|reached:STEP", help="List who dropped out before or reached this step. STEP is the number or the name of a step."),
]

lift_option = click.Option(["--lift"], type=PercentType(-100), metavar="PERCENT", help="With --power: the relative lift to show, such as 10%. Default: the lift that the logs show.")
EXPERIMENT: list[click.Parameter] = [
    click.Option(["--variant", "variant_column"], type=ColumnType(), default="variant", show_default=True, metavar="COLUMN", help="Take the variants from this column. `pixelstat help columns` lists the columns."),
    click.Option(["--goal"], type=ProjectNameType("goals"), multiple=True, metavar="GOAL", help="Count this goal: an event, a page or an SQL condition. It can also be the name of a goal in pixelstat.toml. Can be repeated. Default: the goals of pixelstat.toml, else purchase."),
    click.Option(["--window"], type=DurationType(), metavar="TIME", help="Count conversions and orders within this time after a visitor first sees a variant. Default: until the end of the period or the logs."),
    click.Option(["--control"], metavar="NAME", help="Compare with this variant. Default: control, else a, else the first by name."),
    click.Option(["--shares"], type=SharesType(), metavar="A,B", help="Set the planned shares of the visitors, the control first, then the others by name. Examples: 50,50 and a=90,b=10. Default: equal shares."),
    click.Option(["--sequential", "is_sequential"], is_flag=True, help="Show intervals and p-values that stay valid if you look every day. They are wider."),
    click.Option(["--bayes", "is_bayesian"], is_flag=True, help="Show the chance that a variant beats the control, with the prior Beta(1,1) for each rate."),
    click.Option(["--correction"], type=click.Choice(["holm", "bh", "none"]), default="holm", show_default=True, help="Correct p-values for several variants and goals: Holm, Benjamini-Hochberg or none."),
    click.Option(["--power", "shows_power"], is_flag=True, help="Show how many visitors each variant needs."),
    lift_option,
    click.Option(["--power-level", "power_level"], type=PercentType(0, 100), default="80%", show_default=True, metavar="PERCENT", help="With --power: the chance to show a lift that exists."),
    click.Option(["--force", "is_forced"], is_flag=True, help="Compare variants with fewer than 150 visitors too."),
]

# -- of every report ---------------------------------------------------------------------------------------------

tz_option = click.Option(["--tz"], type=ZoneType(), default="UTC", show_default=True, metavar="ZONE", help="Use this time zone, such as Europe/Berlin.")
PERIOD = [
    click.Option(["--since"], metavar="WHEN", help="Count events from WHEN on: 2026-09-07, 7d or yesterday. 7d means seven days ago. A time is possible too: 2026-09-07T14:30. Default: the start of the logs."),
    click.Option(["--until"], metavar="WHEN", help="Count events up to WHEN; a date includes the whole day. Default: the end of the logs."),
    tz_option,
    click.Option(["--where"], metavar="SQL", help="Count only events that meet this SQL condition. Example: \"utm_source = 'newsletter'\"."),
    click.Option(["--host"], metavar="HOST", help="Count only events of this host."),
    click.Option(["--group-pages", "group_pages"], type=FileType(), metavar="FILE|toml", help="Report groups of pages instead of single pages. Each line of FILE is a rule: /products/* -> product page. --group-pages toml uses the rules in [page_groups] of pixelstat.toml."),
    click.Option(["--exclude-ip", "exclude_ip"], type=NetworkType(), multiple=True, metavar="NET", help="Exclude events from this address or network. Can be repeated."),
    click.Option(["--keep-duplicates", "keep_duplicates"], is_flag=True, help="Count repeated lines and reloaded orders again. By default, each hit and each order counts once."),
    click.Option(["--geo"], multiple=True, type=FileType(), metavar="FILE", help="Read countries, cities or networks from this MaxMind database (.mmdb). Can be repeated."),
]
VISITORS = [
    click.Option(["--visitor"], type=VisitorKeyType(), default="auto", show_default=True, metavar="KEY", help="Identify visitors only by visitor, user, client, the name of a parameter, or cookie:NAME. `auto` takes the first of visitor id, user, recipient, and client (address and user agent)."),
    click.Option(["--cookieless"], is_flag=True, help="Identify visitors only by address and user agent, for one day. pixelstat reads no id and no cookie."),
    click.Option(["--stitch"], is_flag=True, help="Join all ids, users and recipients that events show together into one visitor. The logs are read twice."),
    click.Option(["--key"], type=FileType(), metavar="FILE", help="Make pseudonyms with the key in this file. pixelstat creates a missing file. Default: .pixelstat.key beside pixelstat.toml, else a key of this user."),
]
MACHINES = [
    click.Option(["--bots"], type=click.Choice(["exclude", "include", "only"]), default="exclude", show_default=True, metavar="MODE", help="Filter bots: exclude, include or only. With only, a report counts bots alone. pixelstat recognises bots by their user agent."),
    click.Option(["--consent"], type=click.Choice(["respect", "require", "ignore"]), default="respect", show_default=True, help="respect: exclude visitors who refuse consent; require: exclude all without consent; ignore: exclude nobody."),
    click.Option(["--machines"], type=click.Choice(["include", "label", "exclude"]), default="include", show_default=True, help="include: judge each request alone; label: judge by behaviour over all events too; exclude: judge like label, and exclude machine traffic."),
    click.Option(["--machine-networks", "machine_networks"], multiple=True, type=FileType(), metavar="FILE", help="Treat requests from the networks in this file as machine traffic. The file has one network per line. Can be repeated."),
    click.Option(["--sent"], type=FileType(), metavar="FILE", help="Read the sent emails from a CSV file with message,sent or message,recipient,time."),
    click.Option(["--burst-links", "burst_links"], type=click.IntRange(min=0), default=3, show_default=True, metavar="N", help="Label clicks as machine traffic if a recipient clicks N links of an email within --burst-time; 0 disables this rule."),
    click.Option(["--burst-time", "burst_time"], type=DurationType(), default="10s", show_default=True, metavar="TIME", help="Set the time in which --burst-links counts the links."),
    click.Option(["--address-recipients", "address_recipients"], type=click.IntRange(min=0), default=10, show_default=True, metavar="N", help="Label email events as machine traffic if an address has N recipients within --address-time; 0 disables this rule."),
    click.Option(["--address-time", "address_time"], type=DurationType(), default="10m", show_default=True, metavar="TIME", help="Set the time in which --address-recipients counts the recipients."),
    click.Option(["--recipient-addresses", "recipient_addresses"], type=click.IntRange(min=0), default=3, show_default=True, metavar="N", help="Label email events as machine traffic if a recipient has N addresses for an email within --recipient-time; 0 disables this rule."),
    click.Option(["--recipient-time", "recipient_time"], type=DurationType(), default="30s", show_default=True, metavar="TIME", help="Set the time in which --recipient-addresses counts the addresses."),
    click.Option(["--after-send", "after_send"], type=DurationType(), default="2s", show_default=True, metavar="TIME", help="Label opens and clicks this soon after sending as machine traffic. pixelstat takes the time of sending from the --sent file, or from the request of the email's pixel or link."),
    click.Option(["--page-rate", "page_rate"], type=click.IntRange(min=0), default=60, show_default=True, metavar="N", help="Label page views as machine traffic if a visitor views N pages in a minute; 0 disables this rule."),
]
VISITS = [
    click.Option(["--visit-timeout", "visit_timeout"], type=DurationType(), default="30m", show_default=True, metavar="TIME", help="End a visit after a longer pause than this."),
    click.Option(["--split-midnight", "split_midnight"], is_flag=True, help="Begin a new visit at midnight. By default, a visit may continue on the next day."),
    click.Option(["--split-campaign", "split_campaign"], is_flag=True, help="Begin a new visit when the source, medium or campaign changes. By default, a visit continues."),
]
MONEY = [
    click.Option(["--currency"], metavar="CODE", help="Convert amounts of money to this currency, such as EUR, by the rates in [rates] of pixelstat.toml or in --rates. Amounts without a rate keep their currency, and a warning names it."),
    click.Option(["--rates"], type=FileType(), metavar="FILE", help="Read the rates for --currency from a CSV file with currency,rate or currency,rate,date. A rate is the price of one unit: in the currency whose rate is 1, or else in that of --currency."),
]
explain_option = click.Option(["--explain"], metavar="LINE", help="Explain how one line is read, instead of the report. LINE is the text of a line, or FILE:N for line N of a file.")
READING = [
    click.Option(["--pixel"], multiple=True, metavar="PATH", help="Read requests of this path as your own pixel. Examples: /img/s.gif, s.gif. Can be repeated."),
    click.Option(["--config"], type=FileType(), metavar="FILE", help="Read this configuration file. Default: pixelstat.toml in this folder or the nearest folder above."),
    click.Option(["--protocol"], multiple=True, metavar="NAME", help="Try this pixel protocol first; it can be one that is off by default. `pixelstat protocols` lists them. Can be repeated."),
    click.Option(["--log-format", "log_format"], metavar="FORMAT", help="Read the logs in this format. FORMAT is a name that `pixelstat formats` lists, an nginx log_format or an Apache LogFormat. Default: pixelstat detects the format from the first lines."),
    click.Option(["--nginx-conf", "nginx_conf"], type=FileType(), metavar="FILE", help="Read the logs by the log_format directives of this nginx configuration."),
    click.Option(["--log-tz", "log_tz"], type=ZoneType(), default="UTC", show_default=True, metavar="ZONE", help="Use this time zone for log times without one."),
    click.Option(["--trusted-proxy", "trusted_proxy"], type=NetworkType(), multiple=True, metavar="NET", help="Take the client's address from the X-Forwarded-For header of this proxy. Can be repeated."),
    click.Option(["--client-header", "client_header"], type=HeaderType(), metavar="NAME", help="Take the client's address from this header, such as CF-Connecting-IP. With --trusted-proxy, pixelstat reads it only for requests from these proxies. The format of the log must name the header."),
    click.Option(["--max-line", "max_line"], type=SizeType(), default="2M", show_default=True, metavar="SIZE", help="Read only this much of a longer line."),
]
BAD_LINES = [
    click.Option(["--rejects"], type=FileType(), metavar="FILE", help="Write each unreadable line to this file, with its file, number and reason. pixelstat then parses every line, which takes longer."),
    click.Option(["--max-errors", "max_errors"], type=BadLineLimitType(), metavar="N|P%", help="Fail with exit code 4 if more lines than this are unreadable. Default: no limit. pixelstat then parses every line, which takes longer."),
    click.Option(["--strict"], is_flag=True, help="Fail with exit code 4 if any line is unreadable. The same as --max-errors 0."),
]
OUTPUT = [
    click.Option(["--format", "format"], type=click.Choice([*outputs.NAMES]), metavar="FORMAT", help=f"Write {', '.join([*outputs.NAMES][:-1])} or {[*outputs.NAMES][-1]}. Default: by the ending of --output, else table on a terminal and csv elsewhere."),
    click.Option(["-o", "--output"], type=FileType(), metavar="FILE", help="Write to this file instead of standard output. %Y-%m-%d in its name becomes the date of the run, not of the data. pixelstat writes the file completely or not at all."),
    click.Option(["--csv-safe/--no-csv-safe"], default=True, show_default=True, help="Escape cells that a spreadsheet would run as a formula."),
    click.Option(["--mkdir"], is_flag=True, help="Create the missing folders of --output and --rejects."),
    click.Option(["--columns"], multiple=True, metavar="A,B,C", help="Write only these columns, in this order."),
    click.Option(["--sort"], multiple=True, metavar="COLUMN,...", help="Sort the rows by these columns; -COLUMN sorts in descending order."),
    click.Option(["--fail-if", "fail_if"], multiple=True, metavar="SQL", help="Exit with code 5 if this SQL condition holds for a row of the report. It also holds if it is null for every row. Example: \"visitors < 100\". Can be repeated."),
    click.Option(["--fail-if-empty", "fail_if_empty"], is_flag=True, help="Exit with code 5 if the report has no rows."),
    click.Option(["-q", "--quiet"], is_flag=True, help="Show only errors on standard error."),
    click.Option(["--debug"], is_flag=True, help="Show the traceback if pixelstat fails."),
]
# fmt: on
COMMON: dict[str, list[click.Option]] = {  # by the question that they answer
    "Period and filters": PERIOD,
    "Who is a visitor": VISITORS,
    "Bots, machines and consent": MACHINES,
    "Visits": VISITS,
    "Money": MONEY,
    "Reading logs": [*READING, explain_option],
    "Unreadable lines": BAD_LINES,
    "Output": OUTPUT,
}


def common_options() -> list[click.Option]:
    """Return the options that every report has."""
    return [option for options in COMMON.values() for option in options]
