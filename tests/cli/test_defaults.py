"""Defaults of options from pixelstat.toml and the environment, weakest first, and what is wrong with them."""

import os
import re
from pathlib import Path
from unittest.mock import patch

import pytest

from pixelstat.cli import commands, defaults
from pixelstat.cli.report_command import ReportCommand
from pixelstat.reports import NAMES, load_report
from tests.builders import hit, log, view
from tests.run import Finished, run_in_process, run_process

LOG = log(
    view("ann", "/", "10:00"),
    view("ann", "/cart", "22:30"),
    view("ben", "/cart", "23:30"),
    hit("ann", "purchase", "23:40"),
    hit("ann", "signup", "23:41"),
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "access.log").write_text(LOG)
    return tmp_path


def run(folder: Path, *arguments: str, toml: str | None = None, **environment: str) -> Finished:
    """Run the program with this pixelstat.toml and these environment variables."""
    if toml is not None:
        (folder / "pixelstat.toml").write_text(toml)
    with patch.dict(os.environ, environment):
        return run_in_process(folder, *arguments)


def zone_of(finished: Finished) -> str:
    """The time zone that a report says it has."""
    assert finished.exit == 0, finished.stderr
    return finished.stderr.split()[-1]


GENERAL, OF_REPORT = 'tz = "Asia/Tokyo"\n', '[defaults.views]\ntz = "Europe/Paris"\n'


@pytest.mark.slow
@pytest.mark.parametrize(
    ("toml", "environment", "options", "zone"),
    [
        ("", {}, [], "UTC"),
        (f"[defaults]\n{GENERAL}", {}, [], "Asia/Tokyo"),
        (f"[defaults]\n{GENERAL}{OF_REPORT}", {}, [], "Europe/Paris"),
        (f"{OF_REPORT}[defaults]\n{GENERAL}", {}, [], "Europe/Paris"),
        (OF_REPORT, {"PIXELSTAT_TZ": "Asia/Seoul"}, [], "Asia/Seoul"),
        (OF_REPORT, {"PIXELSTAT_TZ": "Asia/Seoul", "PIXELSTAT_VIEWS_TZ": "Asia/Dubai"}, [], "Asia/Dubai"),
        (OF_REPORT, {"PIXELSTAT_TZ": "", "PIXELSTAT_VIEWS_TZ": ""}, [], "Europe/Paris"),
        (OF_REPORT, {"PIXELSTAT_VISITS_TZ": "Asia/Dubai"}, [], "Europe/Paris"),
        (OF_REPORT, {"PIXELSTAT_VIEWS_TZ": "Asia/Dubai"}, ["--tz", "Africa/Lagos"], "Africa/Lagos"),
        ('[defaults.visits]\ntz = "Asia/Tokyo"\n', {}, [], "UTC"),
    ],
)
def test_the_more_specific_default_wins(
    toml: str, environment: dict[str, str], options: list[str], zone: str, folder: Path
) -> None:
    assert zone_of(run(folder, "views", "access.log", *options, toml=toml, **environment)) == zone


@pytest.mark.slow
def test_the_file_is_that_of_the_option_or_of_the_environment(folder: Path) -> None:
    (folder / "other.toml").write_text('defaults = { tz = "Asia/Seoul" }')
    (folder / "third.toml").write_text('defaults.views.tz = "Asia/Dubai"')
    nearest = f"[defaults]\n{GENERAL}"
    assert zone_of(run(folder, "views", "access.log", "--config", "other.toml", toml=nearest)) == "Asia/Seoul"
    assert zone_of(run(folder, "views", "--config=other.toml", "access.log")) == "Asia/Seoul"
    assert zone_of(run(folder, "views", "access.log", PIXELSTAT_CONFIG="third.toml")) == "Asia/Dubai"
    both = run(folder, "views", "access.log", "--config", "other.toml", PIXELSTAT_CONFIG="third.toml")
    assert zone_of(both) == "Asia/Seoul"
    assert run(folder, "views", "access.log", PIXELSTAT_CONFIG="no.toml").exit == 2


@pytest.mark.parametrize("key", ["log-tz", "log_tz"])
def test_a_key_may_have_hyphens_or_underscores(key: str, folder: Path) -> None:
    finished = run(folder, "views", "access.log", toml=f'[defaults]\n{key} = "Nowhere"')
    assert finished.stderr.startswith(f"Error: {folder}/pixelstat.toml, line 2: {key} is wrong. There is no time zone")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("toml", "rows"),
    [
        ("[defaults.views]\ntop = 1", ["/cart,2,2"]),
        ("[defaults]\nwhere = \"page = '/'\"", ["/,1,1"]),
        ('[defaults.views]\nexclude_ip = ["198.51.100.0/24"]', []),
        ('[defaults.views]\nexclude_ip = "198.51.100.0/24"', []),
        ('[defaults]\nby = ["event", "page"]', ["page_view,/cart,2,2", "page_view,/,1,1"]),
        ("[defaults]\nsince = 2026-09-08", []),
        ("[defaults]\nuntil = 2026-09-07T12:00:00", ["/,1,1"]),
        ('[defaults]\nformat = "tsv"', ["/cart\t2\t2", "/\t1\t1"]),
        ("[defaults]\nfail-if-empty = true\ncsv_safe = false", ["/cart,2,2", "/,1,1"]),
    ],
)
def test_values_of_all_types_are_defaults(toml: str, rows: list[str], folder: Path) -> None:
    assert run(folder, "views", "access.log", "-q", toml=toml).stdout.splitlines()[1:] == rows


@pytest.mark.slow
def test_the_environment_has_flags_and_lists(folder: Path) -> None:
    def views(**environment: str) -> Finished:
        return run(folder, "views", "access.log", "--where", "page = '/no'", **environment)

    assert (views(PIXELSTAT_FAIL_IF_EMPTY="yes").exit, views(PIXELSTAT_FAIL_IF_EMPTY="0").exit) == (5, 0)
    assert (views(PIXELSTAT_QUIET="1").stderr, views(PIXELSTAT_QUIET="").stderr != "") == ("", True)
    both = views(PIXELSTAT_FAIL_IF="count(*) < 1\ncount(*) > 5\ncount(*) < 2")
    assert [line for line in both.stderr.splitlines() if line.startswith("Error")] == [
        "Error: The condition of --fail-if holds: count(*) < 1",
        "Error: The condition of --fail-if holds: count(*) < 2",
    ]


ARGUMENTS = {
    "events": ["access.log"], "check": ["access.log"], "init": ["access.log"], "snippet": ["nginx"],
    "schema": ["views"], "completion": ["bash"], "plan-experiment": ["--baseline", "3%", "--lift", "10%"],
}  # fmt: skip


def test_options_that_yield_are_options_of_commands() -> None:
    loaded = [*map(commands.load_command, commands.NAMES), *map(ReportCommand, map(load_report, NAMES))]
    names = {name for command in loaded for name in defaults._name_options(command)}
    pairs = [pair for name in NAMES for pair in defaults.list_conflicts(name)]
    assert {defaults._normalize(use.split()[0]) for pair in pairs for use in pair} <= names
    funnel = {*defaults._name_options(ReportCommand(load_report("funnel")))}
    assert {*defaults.MODIFIED_BY, *defaults.MODIFIED_BY.values()} <= funnel


@pytest.mark.slow
def test_a_default_holds_where_the_option_exists_and_is_weaker_than_nothing_elsewhere(folder: Path) -> None:
    toml = "[defaults]\ntop = 1\nreveal_ids = true\n"
    assert run(folder, "visitors", "access.log", "-q", toml=toml).exit == 0
    for command in commands.NAMES:
        arguments = ARGUMENTS.get(command, [])
        finished = run(folder, command, *arguments, *(["-o", "out.toml"] if command == "init" else []))
        assert finished.exit == 0, finished.stderr


def test_a_default_of_the_file_is_stronger_than_that_of_the_report(folder: Path) -> None:
    bot = log(hit("ann", "open", "10:00", agent="Googlebot/2.1"))
    (folder / "access.log").write_text(bot)
    assert run(folder, "opens", "access.log", "-q", toml="").stdout.count("\n") > 1
    assert run(folder, "opens", "access.log", "-q", toml='[defaults]\nbots = "exclude"').stdout.count("\n") == 1


WRONG = {
    '[defaults]\n\ntimezone = "UTC"': "line 3: timezone is not an option.",
    "[defaults]\nfail-fi = 5": "line 2: fail-fi is not an option.\n\nDid you mean fail_if?",
    "[defaults.views]\nsteps = 'a,b'": "line 2: steps is not an option.",
    "[defaults.veiws]\ntop = 5": "line 1: veiws is not a command.\n\nDid you mean views?",
    "[defaults]\ntz = 5": "line 2: tz is wrong. There is no time zone '5'.",
    "[defaults]\ntz = ['UTC']": "line 2: tz is a list, but the option takes one value.",
    "[defaults]\ntop = true": "line 2: top is not a text or a number.",
    "[defaults]\ntop = -1": "line 2: top is wrong. -1 is not in the range x>=0.",
    "[defaults]\nquiet = 'yes'": "line 2: quiet is not true or false.",
    "[defaults]\nquiet = 1": "line 2: quiet is not true or false.",
    "[defaults]\nexclude_ip = ['10.0.0.0/8', 'x']": "line 2: exclude_ip is wrong. 'x' is not",
    "[defaults]\ngeo = [['a']]": "line 2: geo is a list, but the option takes one value.",
    "[defaults]\nevery = 'century'": "line 2: every is wrong. 'century' is not one of",
    "[defaults]\ntop = 5\n[defaults.funnel]\ntop = 'many'": "line 4: top is wrong.",
    "[defaults]\nconfig = 'a.toml'": "line 2: config cannot have a default in the file.",
    "[defaults]\nexplain = 'x'": "line 2: explain cannot have a default in the file.",
    "[defaults]\nhelp = true": "line 2: help cannot have a default in the file.",
    "defaults = 5": "line 1: defaults must be a table.",
}  # fmt: skip


@pytest.mark.parametrize("toml", WRONG, ids=lambda toml: toml.replace("\n", " "))
def test_a_wrong_default_in_the_file_is_an_error_with_its_line(toml: str, folder: Path) -> None:
    finished = run(folder, "views", "access.log", toml=toml)
    assert (finished.exit, finished.stdout) == (2, "")
    assert WRONG[toml] in finished.stderr


def test_a_wrong_default_in_the_environment_is_an_error_with_its_variable(folder: Path) -> None:
    finished = run(folder, "views", "access.log", PIXELSTAT_VIEWS_TOP="many", PIXELSTAT_TOP="5")
    assert finished.exit == 2
    assert finished.stderr.startswith("Error: The environment variable PIXELSTAT_VIEWS_TOP is wrong. 'many' is not a")
    flag = run(folder, "views", "access.log", PIXELSTAT_QUIET="perhaps")
    assert (flag.exit, "PIXELSTAT_QUIET is not true or false." in flag.stderr) == (2, True)


FUNNEL = (
    '[funnels]\nshop = ["page_view", "purchase"]\n[funnels.quick]\nsteps = ["page_view", "purchase"]\nwindow = "5m"\n'
)


def caption(folder: Path, *options: str, toml: str = FUNNEL, **environment: str) -> str:
    """The funnel as a table, with its caption."""
    finished = run(folder, "funnel", "access.log", "--format", "markdown", *options, toml=toml, **environment)
    assert finished.exit == 0, finished.stderr
    return finished.stdout


@pytest.mark.slow
def test_the_window_of_a_funnel_lies_between_the_environment_and_the_defaults(folder: Path) -> None:
    defaults = f'{FUNNEL}[defaults.funnel]\nwindow = "1d"\n'
    assert "window 1d" in caption(folder, "--funnel", "shop", toml=defaults)
    assert "window 5m" in caption(folder, "--funnel", "quick", toml=defaults)
    assert "window 2h" in caption(folder, "--funnel", "quick", toml=defaults, PIXELSTAT_FUNNEL_WINDOW="2h")
    assert "window 3h" in caption(folder, "--funnel", "quick", "--window", "3h", toml=defaults, PIXELSTAT_WINDOW="2h")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("defaults", "options"),
    [
        ('funnel = "shop"', ["--steps", "page_view,signup"]),
        ('funnel = "shop"', ["--step", "page_view"]),
        ('steps = "page_view,signup"', ["--funnel", "shop"]),
        ('every = "day"', ["--histogram"]),
        ("top = 3", []),
        ('touch = "last"', []),
        ('exclude_mode = "stop"', []),
        ('strict_over = "page_view"', []),
    ],
)
def test_a_default_yields_to_the_command_line(defaults: str, options: list[str], folder: Path) -> None:
    plain = run(folder, "funnel", "access.log", *options, toml=FUNNEL)
    assert plain.exit == 0, plain.stderr
    assert run(folder, "funnel", "access.log", *options, toml=f"{FUNNEL}[defaults.funnel]\n{defaults}\n") == plain


USES = {  # by the use of an option in a conflict: the arguments, and the line of a default
    "--open": (["--open"], "open = true"),
    "--histogram": (["--histogram"], "histogram = true"),
    "--list": (["--list", "dropped:2"], 'list = "dropped:2"'),
    "--every": (["--every", "day"], 'every = "day"'),
    "--by": (["--by", "event"], 'by = "event"'),
    "--optional": (["--optional", "2"], "optional = 2"),
    "--exclude": (["--exclude", "lead"], 'exclude = "lead"'),
    "--exclude-mode drop": (["--exclude", "lead", "--exclude-mode", "drop"], 'exclude_mode = "drop"'),
    "--count": (["--count", "visits"], 'count = "visits"'),
    "--count totals": (["--count", "totals"], 'count = "totals"'),
    "--order strict": (["--order", "strict"], 'order = "strict"'),
    "--order unordered": (["--order", "unordered"], 'order = "unordered"'),
    "--unit visit": (["--unit", "visit"], 'unit = "visit"'),
    "--touch all or step": (["--touch", "step:1"], 'touch = "step:1"'),
    "--step-window": (["--step-window", "1h"], 'step_window = "1h"'),
    "--grace": (["--grace", "5s"], 'grace = "5s"'),
    "--compare": (["--compare", "previous"], 'compare = "previous"'),
    "--viewed-not-purchased": (["--viewed-not-purchased"], "viewed_not_purchased = true"),
    "--abandoned": (["--abandoned"], "abandoned = true"),
    "--from": (["--from", "/"], 'from = "/"'),
    "--to": (["--to", "/"], 'to = "/"'),
    "--cookieless": (["--cookieless"], "cookieless = true"),
    "--visitor": (["--visitor", "user"], 'visitor = "user"'),
    "--stitch": (["--stitch"], "stitch = true"),
    "--strict": (["--strict"], "strict = true"),
    "--max-errors": (["--max-errors", "1"], "max_errors = 1"),
    "--log-format": (["--log-format", "combined"], 'log_format = "combined"'),
    "--nginx-conf": (["--nginx-conf", "nginx.conf"], 'nginx_conf = "nginx.conf"'),
    "--funnel": (["--funnel", "shop"], 'funnel = "shop"'),
    "--steps": (["--steps", "/,/cart,purchase"], 'steps = "/,/cart,purchase"'),
    "--step": (["--step", "/"], 'step = "/"'),
}
NGINX_CONF = """
log_format main '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" '
                '"$http_user_agent"';
"""
CONFLICTS = {  # both orders of each pair, with a report that has both options
    order: name
    for name in ("funnel", "paths", "products")
    for pair in defaults.list_conflicts(name)
    for order in (pair, pair[::-1])
    if {use.split()[0] for use in pair} <= {option.opts[0] for option in ReportCommand(load_report(name)).params}
}


@pytest.mark.slow
@pytest.mark.parametrize(("uses", "report"), CONFLICTS.items())
def test_a_default_yields_to_an_option_that_it_cannot_be_combined_with(
    uses: tuple[str, str], report: str, folder: Path
) -> None:
    strong, weak = uses
    (folder / "nginx.conf").write_text(NGINX_CONF)
    names_steps = report == "funnel" and not {"--funnel", "--steps", "--step"} & {*uses}
    fixed = [*(USES["--steps"][0] if names_steps else []), "--since", "2026-09-07", "-q", *USES[strong][0]]
    fixed += USES["--by"][0] if "--touch all or step" in uses else []
    plain = run(folder, report, "access.log", *fixed, toml=FUNNEL)
    assert plain.exit == 0, plain.stderr
    assert run(folder, report, "access.log", *fixed, toml=f"{FUNNEL}[defaults]\n{USES[weak][1]}\n") == plain


@pytest.mark.slow
@pytest.mark.parametrize(
    ("toml", "environment"),
    [
        ("[defaults]\nstitch = true\n[defaults.views]\ncookieless = true\n", {}),
        ("[defaults]\nstitch = true\n", {"PIXELSTAT_COOKIELESS": "1"}),
        ("[defaults.views]\nstitch = true\n", {"PIXELSTAT_COOKIELESS": "1"}),
        ("", {"PIXELSTAT_STITCH": "1", "PIXELSTAT_VIEWS_COOKIELESS": "1"}),
    ],
)
def test_a_weaker_default_yields_to_a_stronger_one(toml: str, environment: dict[str, str], folder: Path) -> None:
    cookieless = run(folder, "views", "access.log", "-q", "--cookieless", toml="")
    assert cookieless.exit == 0
    assert run(folder, "views", "access.log", "-q", toml=toml, **environment) == cookieless


def test_a_default_holds_beside_values_that_it_can_be_combined_with(folder: Path) -> None:
    toml = f"{FUNNEL}[defaults.funnel]\noptional = 2\n"
    options = ["--steps", "/,/cart,purchase", "--order", "ordered", "--count", "uniques"]
    assert "optional steps: 2" in caption(folder, *options, toml=toml)


@pytest.mark.slow
def test_the_file_yields_to_the_environment_and_that_to_the_command_line(folder: Path) -> None:
    toml = f'{FUNNEL}[defaults.funnel]\nfunnel = "shop"\n'
    steps = run(folder, "funnel", "access.log", "-q", "--steps", "page_view,signup", toml=FUNNEL)
    assert run(folder, "funnel", "access.log", "-q", toml=toml, PIXELSTAT_STEPS="page_view,signup") == steps
    shop = run(folder, "funnel", "access.log", "-q", "--funnel", "shop")
    assert run(folder, "funnel", "access.log", "-q", "--funnel", "shop", PIXELSTAT_STEPS="page_view,signup") == shop
    assert shop != steps


def test_a_limit_of_bad_lines_on_the_command_line_replaces_strict(folder: Path) -> None:
    (folder / "access.log").write_text(LOG + "no line of a log\n")
    toml = "[defaults]\nstrict = true\n"
    assert run(folder, "views", "access.log", toml=toml).exit == 4
    assert run(folder, "views", "access.log", "--max-errors", "1").exit == 0


def test_a_default_that_has_its_companion_holds(folder: Path) -> None:
    toml = f'{FUNNEL}[defaults.funnel]\ntouch = "last"\ntop = 1\n'
    assert "the last event" in caption(folder, "--by", "event", toml=toml)
    assert "the last event" in caption(folder, toml=toml + 'by = "event"\n')


def test_only_the_command_line_is_warned_of(folder: Path) -> None:
    warning = "--top needs --by"
    toml = "[defaults]\ntop = 3\n"
    assert warning not in run(folder, "views", "access.log", "--every", "day", toml=toml).stderr
    assert warning not in run(folder, "views", "access.log", "--every", "day", toml="", PIXELSTAT_TOP="3").stderr
    assert warning in run(folder, "views", "access.log", "--every", "day", "--top", "3").stderr


@pytest.mark.slow
def test_a_file_that_the_file_names_lies_in_its_folder(folder: Path) -> None:
    (folder / "groups").write_text("/* -> any page\n")
    toml = '[defaults]\ngroup_pages = "groups"\n[defaults.visits]\noutput = "visits.csv"\n'
    below = folder / "below"
    below.mkdir()
    assert run(folder, "views", "access.log", "-q", toml=toml).stdout.splitlines()[1:] == ["any page,3,2"]
    assert run(below, "views", "../access.log", "-q").stdout.splitlines()[1:] == ["any page,3,2"]
    assert run(below, "visits", "../access.log", "-q").exit == 0
    assert (folder / "visits.csv").exists()
    own = '[page_groups]\n"/*" = "own page"\n[defaults]\ngroup_pages = "toml"\n'
    assert run(below, "views", "../access.log", "-q").stdout != ""
    (folder / "pixelstat.toml").write_text(own)
    assert run(below, "views", "../access.log", "-q").stdout.splitlines()[1:] == ["own page,3,2"]


def test_a_folder_may_contain_a_percent_sign(folder: Path) -> None:
    project = folder / "p50%off %Y"
    project.mkdir()
    (project / "groups").write_text("/* -> any page\n")
    (project / "pixelstat.toml").write_text('[defaults]\noutput = "100%% %Y.csv"\ngroup_pages = "groups"\n')
    finished = run(project, "views", "../access.log", "-q")
    assert (finished.exit, finished.stderr) == (0, "")
    assert [re.fullmatch(r"100% \d{4}", path.stem) is not None for path in project.glob("*.csv")] == [True]


@pytest.mark.parametrize("variable", ["PIXELSTAT_OUTPUT", "PIXELSTAT_INIT_OUTPUT"])
def test_init_takes_no_output_from_the_environment(variable: str, folder: Path) -> None:
    assert run(folder, "init", "access.log", "-q", **{variable: "report.csv"}).exit == 0
    assert ((folder / "pixelstat.toml").exists(), (folder / "report.csv").exists()) == (True, False)


def test_help_reads_no_file_and_shows_what_the_command_declares(folder: Path) -> None:
    plain = run(folder, "views", "--help", toml="")
    assert run(folder, "views", "--help", toml="broken") == plain
    assert run(folder, "views", "--help-all", toml="broken").exit == 0
    assert run(folder, "views", "access.log", toml="broken").exit == 2
    assert run(folder, "init", "access.log", "--force", toml="broken").exit == 0


@pytest.mark.slow
def test_the_help_of_the_program_reads_no_file(tmp_path: Path) -> None:
    (tmp_path / "pixelstat.toml").write_text("broken")
    assert run_process(tmp_path, "--help").exit == 0
