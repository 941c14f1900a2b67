"""How fast a funnel is over Parquet of events, beside chDB and DuckDB on the same file, in the same run.

    python tests/benchmarks/parquet.py                                      100 million events, three rounds
    python tests/benchmarks/parquet.py --events 2000000 --only chDB         fewer, and against one peer

The question is that of compare.py, but the events are read already: how many visitors go from page_view to purchase
within 7 days. shop_events.py writes the file, some 30 bytes an event, unless it is there, and knows the answer; who
gives another makes this exit with 1. Each tool runs as a process of its own, from start to exit, in rounds. Seconds
are medians over the rounds, peak memory is the largest resident set; ratios are below 1 where pixelstat takes less.
"""
# ruff: noqa: S608 - the SQL is made of the names of steps

import argparse
import json
import statistics
import sys
import tempfile
import zlib
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from tests.benchmarks.compare import (  # noqa: E402 - found by the path above
    PYTHON,
    STEPS,
    Peer,
    Question,
    Run,
    machine,
    measured,
    versions,
)

SHOP_EVENTS = Path(__file__).with_name("shop_events.py")
WINDOW = 7 * 86_400  # seconds


def pixelstat(question: Question) -> list[str]:
    report = ["funnel", str(question.log), "--steps", ",".join(STEPS)]
    return [sys.executable, "-m", "pixelstat", *report, "--format", "json", "-q"]


def chdb(question: Question) -> list[str]:
    """windowFunnel over seconds, for it takes no DateTime64. It is no slower to look at all events than at the steps'."""
    levels = ", ".join(f"countIf(level >= {number})" for number in range(1, len(STEPS) + 1))
    steps = ", ".join(f"event = '{step}'" for step in STEPS)
    sql = f"""
        SELECT {levels}
        FROM (
            SELECT windowFunnel({WINDOW})(toDateTime(time), {steps}) AS level
            FROM file({{log:String}}, 'Parquet')
            GROUP BY visitor
        )
    """
    code = """
import json, sys
import chdb
print(chdb.query(sys.argv[1], "JSONCompactEachRow", params={"log": sys.argv[2]}))
"""
    return [*PYTHON, code, sql, str(question.log)]


def duckdb(question: Question) -> list[str]:
    """The chains of compare.py: each hit of step k takes over the start of the visitor's last chain of k - 1 hits."""
    places = " ".join(f"WHEN '{step}' THEN {number}" for number, step in enumerate(STEPS, 1))
    chains = [
        f"""chain_{number} AS MATERIALIZED (
            SELECT hits.visitor, hits.time, start
            FROM hits ASOF JOIN chain_{number - 1} AS before
                ON hits.visitor = before.visitor AND hits.time >= before.time
            WHERE step = {number} AND hits.time - start <= {WINDOW}
        )"""
        for number in range(2, len(STEPS) + 1)
    ]
    counts = [f"(SELECT count(DISTINCT visitor) FROM chain_{number})" for number in range(1, len(STEPS) + 1)]
    sql = f"""
        WITH hits AS MATERIALIZED (
            SELECT visitor, epoch(time)::BIGINT AS time, CASE event {places} END AS step
            FROM read_parquet($log) WHERE step IS NOT NULL
        ),
        chain_1 AS (SELECT visitor, time, time AS start FROM hits WHERE step = 1),
        {", ".join(chains)}
        SELECT {", ".join(counts)}
    """
    code = """
import json, sys
import duckdb
duckdb.execute("SET enable_progress_bar = false; SET asof_loop_join_threshold = 0")
print(json.dumps(duckdb.execute(sys.argv[1], {"log": sys.argv[2]}).fetchone()))
"""
    return [*PYTHON, code, sql, str(question.log)]


OURS = Peer("pixelstat", "funnel", "polars", pixelstat, lambda output: [row["visitors"] for row in json.loads(output)])
PEERS = (Peer("chDB", "windowFunnel", "chdb", chdb, json.loads), Peer("DuckDB", "joins", "duckdb", duckdb, json.loads))


def events_of(folder: Path, events: int) -> tuple[Path, list[int]]:
    """Parquet of that many events, written unless it is there, and its visitors per step."""
    script = zlib.crc32(SHOP_EVENTS.read_bytes())
    file = folder.resolve() / f"shop-{script:08x}-{events}.parquet"
    truth = file.with_suffix(".json")
    if not truth.exists():  # it is written last
        print(f"Writing {file} ...", file=sys.stderr)
        folder.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, str(SHOP_EVENTS), "--events", str(events), "-o", str(file)]
        truth.write_text(measured(SHOP_EVENTS.name, command).output)
    return file, json.loads(truth.read_text())


def rounds(question: Question, peers: Sequence[Peer], repeat: int) -> dict[Peer, list[Run]]:
    """All runs of each tool, one of each after the other."""
    runs: dict[Peer, list[Run]] = {peer: [] for peer in peers}
    for number in range(1, repeat + 1):
        for peer in peers:
            run = measured(peer.name, peer.command(question))
            runs[peer].append(run)
            told = f"{run.wall:.2f} s, CPU {run.cpu:.2f} s, {run.peak / 1e6:.0f} MB"
            print(f"round {number} of {repeat}: {peer.name} {told}", file=sys.stderr)
    return runs


def table(runs: dict[Peer, list[Run]]) -> str:
    """A Markdown table, one row a tool, with what pixelstat takes of what it takes."""
    taken = {
        peer: (
            statistics.median(run.wall for run in those),
            statistics.median(run.cpu for run in those),
            max(run.peak for run in those) / 1e6,
        )
        for peer, those in runs.items()
    }
    rows = ["| tool | wall s | CPU s | peak MB | ratio of wall | of CPU | of peak |", "|---|--:|--:|--:|--:|--:|--:|"]
    for peer, (wall, cpu, peak) in taken.items():
        ratios = " | ".join(f"{ours / its:.2f}" for ours, its in zip(taken[OURS], (wall, cpu, peak), strict=True))
        rows.append(f"| {peer.name}: {peer.does} | {wall:.2f} | {cpu:.2f} | {peak:.0f} | {ratios} |")
    return "\n".join(rows)


def disagreements(runs: dict[Peer, list[Run]], truth: list[int]) -> Iterator[str]:
    """A line for each answer that is not the truth."""
    for peer, those in runs.items():
        for number, run in enumerate(those, 1):
            counts = peer.counts(run.output) if peer.counts else truth
            if counts != truth:
                yield f"{peer.name} counts {counts} in round {number}, and it is {truth}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--events", type=int, default=100_000_000, help="rounded to thousands")
    parser.add_argument("--repeat", type=int, default=3, help="rounds")
    parser.add_argument(
        "--folder",
        type=Path,
        default=Path(tempfile.gettempdir()) / "pixelstat-benchmark",
        metavar="DIR",
        help="where files are kept",
    )
    names = [peer.name for peer in PEERS]
    parser.add_argument(
        "--only", nargs="*", choices=names, default=names, metavar="NAME", help=f"only these of {', '.join(names)}"
    )
    options = parser.parse_args()

    file, truth = events_of(options.folder, options.events)
    peers = [OURS, *(peer for peer in PEERS if peer.name in options.only and find_spec(peer.needs))]
    small, _ = events_of(options.folder, 1_000)
    rounds(
        Question(small, "", "", ""), peers, 1
    )  # so that nobody's first run waits for a library to come from the disk
    runs = rounds(Question(file, "", "", ""), peers, max(options.repeat, 1))
    print(f"{machine()}; {versions(peers)}; {options.events:,} events, {file.stat().st_size / 1e6:,.0f} MB\n")
    print(table(runs), end="\n\n")
    different = list(disagreements(runs, truth))
    if different:
        raise SystemExit("The answers differ:\n" + "\n".join(different))
    print(f"{', '.join(peer.name for peer in peers)}: the visitors per step that there are, {truth}.")


if __name__ == "__main__":
    main()
