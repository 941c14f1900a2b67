"""What each log format costs: the same hits in all of them, read to REQUESTS and counted, beside combined.

    python tests/benchmarks/formats.py               200,000 hits
    python tests/benchmarks/formats.py --hits 50000 --repeat 5 caddy squid

Columns: bytes of a line; CPU nanoseconds a byte and their ratio to combined's; the same for the whole of
`pixelstat funnel`, from start to exit, in seconds of wall time. Medians of the rounds, each format in each round.
"""

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from pixelstat import formats
from pixelstat.formats.detection import HEAD_LINES, detect
from pixelstat.sources import discovery
from pixelstat.sources.lines import Reading, scan_lines

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from tests.formats.test_all_formats import WRITINGS, Hit, Writing  # noqa: E402 - found by the path above

USED = ("time", "method", "path", "query", "status", "user_agent", "rejected")  # what a funnel looks at


def hits(folder: Path, count: int) -> Iterator[Hit]:
    """Hits of the sample shop, on one day."""
    log = folder / "shop.log"
    subprocess.run(
        [sys.executable, ROOT / "sample_logs" / "shop.py", "--pixel-lines", str(count), "-o", log],
        check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    with log.open() as lines:
        for line in lines:
            words = line.split(" ")
            if len(words) > 8 and words[5].startswith('"GET') and words[8].isdigit() and "/pixel.gif" in words[6]:
                yield Hit(words[3][13:], words[0], 41542, words[6], int(words[8]))


def cpu_of_reading(log: Path) -> float:
    """CPU seconds to read the columns that a funnel looks at."""
    (found,) = discovery.find_logs([str(log)])
    form = detect(found.first_lines(HEAD_LINES), formats.load_all_formats())
    assert form
    requests = form.parse(scan_lines([found], Reading())).select(pl.col(USED).count())
    before = time.process_time()
    requests.collect(engine="streaming")
    return time.process_time() - before


def wall_of_funnel(log: Path) -> float:
    """Wall seconds of the whole program."""
    before = time.monotonic()
    subprocess.run([sys.executable, "-m", "pixelstat", "funnel", log], check=True, capture_output=True)
    return time.monotonic() - before


def measure(writings: Sequence[Writing], count: int, repeat: int) -> None:
    """Print the table."""
    with TemporaryDirectory() as folder:
        story = list(hits(Path(folder), count))
        logs = {writing: Path(folder) / f"{writing}.log" for writing in writings}
        for writing, log in logs.items():
            log.write_text("\n".join([*writing.log(story), ""]))
        seen: dict[Writing, list[tuple[float, float]]] = {writing: [] for writing in writings}
        for _ in range(repeat):
            for writing, log in logs.items():
                seen[writing].append((cpu_of_reading(log), wall_of_funnel(log)))
        print(f"{'format':24}{'bytes':>7}{'ns/byte':>9}{'ratio':>7}{'funnel s':>10}{'ratio a byte':>14}")
        combined = None
        for writing, log in logs.items():
            size = log.stat().st_size
            reading, funnel = (statistics.median(column) for column in zip(*seen[writing], strict=True))
            combined = combined or (reading / size, funnel / size)
            print(
                f"{writing!s:24}{size / len(story):7.0f}{reading / size * 1e9:9.2f}{reading / size / combined[0]:7.2f}"
                f"{funnel:10.2f}{funnel / size / combined[1]:14.2f}"
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("formats", nargs="*", help="only these, beside combined")
    parser.add_argument("--hits", type=int, default=200_000)
    parser.add_argument("--repeat", type=int, default=3)
    given = parser.parse_args()
    combined = [writing for writing in WRITINGS if str(writing) == "combined"]
    others = [
        writing
        for writing in WRITINGS
        if writing not in combined and (not given.formats or writing.format in given.formats)
    ]
    measure([*combined, *others], given.hits, given.repeat)


if __name__ == "__main__":
    main()
