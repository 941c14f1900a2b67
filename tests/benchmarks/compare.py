"""How fast pixelstat is: one funnel over one log, beside every tool that could count it too, in the same run.

    python tests/benchmarks/compare.py                            2 million pixel hits, three rounds
    python tests/benchmarks/compare.py --only DuckDB --repeat 9   against one peer

The question: how many visitors go from page_view to purchase within 7 days, bots and refused requests left
out. chDB and DuckDB get it in the SQL that one would write for this very log: it finds the pixel's requests
and parameters by the same names as pixelstat, but knows only the event spellings and bots that occur here,
decodes nothing and keeps no account of what it leaves out. Their visitors per step must equal pixelstat's,
or this exits with 1. The other tools count no funnel; they show what reading such a log costs at all.

Each tool runs as a process of its own, from start to exit, in rounds, so that noise hits all alike. Wall and
CPU seconds (user and system, all threads) are medians over the rounds, peak memory the largest resident set.
Linux charges a child with the memory its parent had when it started it: what a tool takes below this
program's own 20 MB does not show, and this program imports nothing large.
"""

import argparse
import json
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import version
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
SHOP = ROOT / "sample_logs" / "shop.py"
STEPS = ("page_view", "product_view", "add_to_cart", "checkout", "purchase")
PYTHON = [sys.executable, "-c"]


class Question(NamedTuple):
    """What every tool is asked: the log, and how the house pixel's requests look in it."""

    log: Path
    marker: str  # regular expressions
    event: str
    visitor: str


class Peer(NamedTuple):
    """A tool, what it does with the log, and the package or program it needs."""

    name: str
    does: str
    needs: str
    command: Callable[[Question], list[str]]
    counts: Callable[[str], list[int]] | None = None  # its output -> visitors per step, where it counts them


class Run(NamedTuple):
    """One run of one tool: seconds, seconds, bytes, and what it printed."""

    wall: float
    cpu: float
    peak: int
    output: str


# -- the tools ---------------------------------------------------------------------------------------------------


def pixelstat(question: Question) -> list[str]:
    report = ["funnel", str(question.log), "--steps", ",".join(STEPS)]
    return [sys.executable, "-m", "pixelstat", *report, "--format", "json", "-q"]


def chdb(question: Question) -> list[str]:
    """windowFunnel takes the best chain, and of one second the hits in the order of the steps, as pixelstat does.

    A hit matches one step at most, so that its default mode and strict_once are one. parseDateTimeBestEffort
    is faster than parseDateTime with a format; it wants a blank between date and time. Chunks of 1 MB instead of
    10 save a quarter of the memory and a little time.
    """
    sql = """
        SELECT countIf(level >= 1), countIf(level >= 2), countIf(level >= 3), countIf(level >= 4), countIf(level >= 5)
        FROM (
            SELECT
                windowFunnel(604800)(
                    time,
                    event IN ('page_view', 'pv'),
                    event = 'product_view',
                    event = 'add_to_cart',
                    event = 'checkout',
                    event = 'purchase'
                ) AS level
            FROM (
                WITH
                    splitByChar('"', line, 6) AS parts,
                    concat('&', extract(parts[2], '^(?:GET|HEAD|POST) [^? ]*[?]([^ ]*)')) AS query
                SELECT
                    extract(query, {visitor:String}) AS visitor,
                    extract(query, {event:String}) AS event,
                    substring(parts[1], position(parts[1], '[') + 1, 26) AS stamp,
                    parseDateTimeBestEffort(replaceOne(stamp, ':', ' '), 'UTC') AS time
                FROM file({log:String}, 'LineAsString')
                WHERE match(line, {marker:String})
                    AND substring(parts[3], 2, 1) IN ('2', '3')
                    AND NOT match(parts[6], '(?i)bot|python-requests')
                    AND visitor != ''
                    AND event IN ('page_view', 'pv', 'product_view', 'add_to_cart', 'checkout', 'purchase')
            )
            GROUP BY visitor
        )
        SETTINGS min_chunk_bytes_for_parallel_parsing = 1048576
    """
    code = """
import json, sys
import chdb
print(chdb.query(sys.argv[1], "JSONCompactEachRow", params=json.loads(sys.argv[2])))
"""
    return [*PYTHON, code, sql, _parameters(question)]


def duckdb(question: Question) -> list[str]:
    """Each hit of step k takes over the start of the visitor's last chain of k - 1 hits, which is the latest start.

    DuckDB computes a column again for each filter on it, so that hits keep what is no step or has no visitor, and
    only the chains leave it out: that saves a quarter. By default it expects so few rows on the left of an ASOF
    join that it joins by nested loops, which takes ten times as long here.
    """
    sql = r"""
        WITH requests AS (
            SELECT
                split_part(line, '"', 1) AS client_and_time,
                split_part(line, '"', 2) AS request,
                split_part(line, '"', 3) AS status_and_bytes,
                split_part(line, '"', 6) AS user_agent,
                '&' || split_part(request, '?', 2) AS query
            FROM read_csv(
                $log, columns = {'line': 'VARCHAR'}, auto_detect = false, header = false,
                delim = chr(1), quote = '', escape = ''
            )
            WHERE regexp_matches(line, $marker)
        ),
        hits AS MATERIALIZED (
            SELECT
                regexp_extract(query, $visitor, 1) AS visitor,
                substr(client_and_time, strpos(client_and_time, '[') + 1, 26) AS stamp,
                epoch(strptime(stamp, '%d/%b/%Y:%H:%M:%S %z'))::BIGINT AS time,
                CASE regexp_extract(query, $event, 1)
                    WHEN 'page_view' THEN 1
                    WHEN 'pv' THEN 1
                    WHEN 'product_view' THEN 2
                    WHEN 'add_to_cart' THEN 3
                    WHEN 'checkout' THEN 4
                    WHEN 'purchase' THEN 5
                END AS step
            FROM requests
            WHERE regexp_matches(request, '^(?:GET|HEAD|POST) ')
                AND substr(status_and_bytes, 2, 1) IN ('2', '3')
                AND NOT regexp_matches(user_agent, '(?i)bot|python-requests')
        ),
        chain_1 AS (
            SELECT visitor, time, time AS start FROM hits WHERE step = 1 AND visitor <> ''
        ),
        chain_2 AS MATERIALIZED (
            SELECT hits.visitor, hits.time, start
            FROM hits ASOF JOIN chain_1 AS before ON hits.visitor = before.visitor AND hits.time >= before.time
            WHERE step = 2 AND hits.time - start <= 604800
        ),
        chain_3 AS MATERIALIZED (
            SELECT hits.visitor, hits.time, start
            FROM hits ASOF JOIN chain_2 AS before ON hits.visitor = before.visitor AND hits.time >= before.time
            WHERE step = 3 AND hits.time - start <= 604800
        ),
        chain_4 AS MATERIALIZED (
            SELECT hits.visitor, hits.time, start
            FROM hits ASOF JOIN chain_3 AS before ON hits.visitor = before.visitor AND hits.time >= before.time
            WHERE step = 4 AND hits.time - start <= 604800
        ),
        chain_5 AS MATERIALIZED (
            SELECT hits.visitor, hits.time, start
            FROM hits ASOF JOIN chain_4 AS before ON hits.visitor = before.visitor AND hits.time >= before.time
            WHERE step = 5 AND hits.time - start <= 604800
        )
        SELECT
            (SELECT count(DISTINCT visitor) FROM chain_1),
            (SELECT count(DISTINCT visitor) FROM chain_2),
            (SELECT count(DISTINCT visitor) FROM chain_3),
            (SELECT count(DISTINCT visitor) FROM chain_4),
            (SELECT count(DISTINCT visitor) FROM chain_5)
    """
    code = """
import json, sys
import duckdb
duckdb.execute("SET enable_progress_bar = false; SET asof_loop_join_threshold = 0")
print(json.dumps(duckdb.execute(sys.argv[1], json.loads(sys.argv[2])).fetchone()))
"""
    return [*PYTHON, code, sql, _parameters(question)]


def _parameters(question: Question) -> str:
    return json.dumps({**question._asdict(), "log": str(question.log)})


def scan_lines(question: Question) -> list[str]:
    code = """
import sys
import polars as pl
print(pl.scan_lines(sys.argv[1]).select(pl.len()).collect(engine="streaming").item())
"""
    return [*PYTHON, code, str(question.log)]


def goaccess(question: Question) -> list[str]:
    output = question.log.with_suffix(".goaccess.json")
    options = ["--log-format=COMBINED", "--no-global-config", "--no-progress"]
    return ["goaccess", str(question.log), *options, "-o", str(output)]


def rg(question: Question) -> list[str]:
    return ["rg", "--no-config", "-c", question.marker, str(question.log)]


OURS = Peer(
    "pixelstat", "the funnel", "polars", pixelstat, lambda output: [row["visitors"] for row in json.loads(output)]
)
PEERS = (
    Peer("chDB", "the funnel", "chdb", chdb, json.loads),
    Peer("DuckDB", "the funnel", "duckdb", duckdb, json.loads),
    Peer("scan_lines", "counts lines", "polars", scan_lines),
    Peer("GoAccess", "its whole report", "goaccess", goaccess),
    Peer("rg", "counts pixel lines", "rg", rg),
)


# -- the question --------------------------------------------------------------------------------------------------


def log_of(folder: Path, pixel_lines: int, pixel_share: float) -> Path:
    """The shop's log of that many pixel hits, written unless it is there; another shop.py writes another log."""
    script = zlib.crc32(SHOP.read_bytes())
    log = folder.resolve() / f"shop-{script:08x}-{pixel_lines}-{pixel_share}.log"
    if not log.exists():
        print(f"Writing {log} ...", file=sys.stderr)
        log.parent.mkdir(parents=True, exist_ok=True)
        unfinished = log.with_suffix(".unfinished")
        options = ["--pixel-lines", str(pixel_lines), "--pixel-share", str(pixel_share), "-o", str(unfinished)]
        subprocess.run([sys.executable, str(SHOP), *options], check=True)
        unfinished.rename(log)
    return log


def question_of(log: Path) -> Question:
    """The question to the tools, by the words of pixelstat's house pixel."""
    code = """
import json
from pixelstat.protocols.builtin import house
print(json.dumps([house.house_protocol().marker, house.EVENT, house.VISITOR]))
"""
    marker, event, visitor = json.loads(measured("the house pixel", [*PYTHON, code]).output)
    return Question(log, marker, *(f"&(?:{'|'.join(names)})=([^& ]+)" for names in (event, visitor)))


def beginning_of(log: Path) -> Path:
    """The log's first lines as a log of their own."""
    beginning = log.with_suffix(".beginning.log")
    with log.open("rb") as whole, beginning.open("wb") as file:
        file.writelines(islice(whole, 1_000))
    return beginning


def lines_of(log: Path) -> int:
    with log.open("rb") as file:
        return sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))


# -- the runs ------------------------------------------------------------------------------------------------------


def measured(name: str, command: Sequence[str]) -> Run:
    """Run the command to its end. Raises SystemExit with what it said if it fails."""
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        start = time.perf_counter()
        process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=output, stderr=errors)
        _, status, usage = os.wait4(process.pid, 0)  # of this child alone, unlike getrusage
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        errors.seek(0)
        if process.returncode:
            raise SystemExit(f"{name} failed:\n\n{errors.read().decode(errors='replace')}")
        unit = 1 if sys.platform == "darwin" else 1024
        return Run(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * unit, output.read().decode())


def rounds(question: Question, peers: Sequence[Peer], repeat: int) -> dict[Peer, list[Run]]:
    """All runs of each tool, one of each after the other."""
    start = question._replace(log=beginning_of(question.log))
    for peer in peers:  # so that nobody's first run waits for a library to come from the disk
        measured(peer.name, peer.command(start))
    runs: dict[Peer, list[Run]] = {peer: [] for peer in peers}
    for number in range(1, repeat + 1):
        for peer in peers:
            run = measured(peer.name, peer.command(question))
            runs[peer].append(run)
            print(f"round {number} of {repeat}: {peer.name} {run.wall:.2f} s", file=sys.stderr)
    return runs


# -- what is said about them -----------------------------------------------------------------------------------------


def machine() -> str:
    model = platform.processor() or platform.machine()
    if Path("/proc/cpuinfo").exists():
        found = re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text())
        model = found[1] if found else model
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return f"{model}, {os.cpu_count()} cores, {memory / 1e9:.0f} GB, {platform.system()} {platform.release()}"


def versions(peers: Sequence[Peer]) -> str:
    """Python, pixelstat, and everything that the tools need."""
    said = measured("pixelstat", [sys.executable, "-m", "pixelstat", "--version"]).output
    parts = [f"Python {platform.python_version()}", f"pixelstat {_number(said)}"]
    for name in dict.fromkeys(peer.needs for peer in peers):
        number = version(name) if find_spec(name) else _number(measured(name, [name, "--version"]).output)
        parts.append(f"{name} {number}")
    return ", ".join(parts)


def _number(said: str) -> str:
    found = re.search(r"\d+(?:\.\d+)+", said)
    return found[0] if found else "of unknown version"


def table(runs: dict[Peer, list[Run]]) -> str:
    """A Markdown table, one row a tool; the ratio is below 1 where pixelstat is faster."""
    walls = {peer: statistics.median(run.wall for run in those) for peer, those in runs.items()}
    rows = [
        "| tool | wall s | CPU s | peak MB | time relative to this tool (below 1: pixelstat is faster) |",
        "|---|--:|--:|--:|--:|",
    ]
    for peer, those in runs.items():
        cpu, peak = statistics.median(run.cpu for run in those), max(run.peak for run in those)
        ratio = walls[OURS] / walls[peer]
        rows.append(f"| {peer.name}: {peer.does} | {walls[peer]:.2f} | {cpu:.2f} | {peak / 1e6:.0f} | {ratio:.2f} |")
    return "\n".join(rows)


def disagreements(runs: dict[Peer, list[Run]]) -> Iterator[str]:
    """A line for each answer that is not pixelstat's first."""
    ours = answers(OURS, runs[OURS])[0]
    for peer, those in runs.items():
        for number, counts in enumerate(answers(peer, those), 1):
            if counts != ours:
                yield f"{peer.name} counts {counts} in round {number}, pixelstat {ours}"


def answers(peer: Peer, runs: Sequence[Run]) -> list[list[int]]:
    return [peer.counts(run.output) for run in runs] if peer.counts else []


# -- the command -----------------------------------------------------------------------------------------------------


def chosen(only: Sequence[str]) -> Iterator[Peer]:
    """The peers that are wanted and installed; the others of the wanted are named."""
    for peer in PEERS:
        if only and peer.name not in only:
            continue
        if find_spec(peer.needs) or shutil.which(peer.needs):
            yield peer
        else:
            print(f"{peer.name} is left out: it is not installed.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--pixel-lines", type=int, default=2_000_000, help="pixel hits in the log")
    parser.add_argument("--pixel-share", type=float, default=1.0, help="their share of its lines")
    parser.add_argument("--repeat", type=int, default=3, help="rounds")
    parser.add_argument(
        "--folder",
        type=Path,
        default=Path(tempfile.gettempdir()) / "pixelstat-benchmark",
        metavar="DIR",
        help="where logs are kept",
    )
    names = [peer.name for peer in PEERS]
    parser.add_argument(
        "--only", nargs="+", choices=names, default=[], metavar="NAME", help=f"only these of {', '.join(names)}"
    )
    options = parser.parse_args()

    log = log_of(options.folder, options.pixel_lines, options.pixel_share)
    lines = lines_of(log)  # reads it all: no tool's run does so from a cold disk
    peers = [OURS, *chosen(options.only)]
    runs = rounds(question_of(log), peers, max(options.repeat, 1))
    print(f"{machine()}; {versions(peers)}; {lines:,} lines, {log.stat().st_size / 1e6:,.0f} MB\n")
    print(table(runs), end="\n\n")
    different = list(disagreements(runs))
    if different:
        raise SystemExit("The answers differ:\n" + "\n".join(different))
    agreed = ", ".join(peer.name for peer in peers if peer.counts)
    print(f"{agreed}: the same visitors per step, {answers(OURS, runs[OURS])[0]}.")


if __name__ == "__main__":
    main()
