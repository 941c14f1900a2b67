"""What each report costs beside views, on one log: from start to exit.

    python tests/benchmarks/reports.py                    1,000,000 pixel lines of the sample shop
    python tests/benchmarks/reports.py --lines 200000 --repeat 5 summary visits

Columns: seconds of wall time and of CPU, their ratios to those of views in the same run, and the peak of memory.
Medians of the rounds, each report in each round.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parents[2]
REPORTS = (
    "views", "funnel", "paths", "conversions", "summary", "visitors", "visits", "sources", "orders", "products",
    "devices", "opens", "clicks", "experiment",
)  # fmt: skip


def measured(report: str, log: Path) -> tuple[float, float, float]:
    """Seconds of wall time, of CPU, and megabytes."""
    begun = time.perf_counter()
    run = subprocess.Popen([sys.executable, "-m", "pixelstat", report, log, "-q"], cwd=ROOT, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(run.pid, 0)
    if status:
        raise SystemExit(f"{report} failed")
    return time.perf_counter() - begun, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("reports", nargs="*", default=REPORTS)
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--repeat", type=int, default=3)
    given = parser.parse_args()
    reports = list(dict.fromkeys(["views", *given.reports]))
    with TemporaryDirectory() as folder:
        log = Path(folder) / "shop.log"
        subprocess.run(
            [sys.executable, ROOT / "sample_logs" / "shop.py", "--pixel-lines", str(given.lines), "-o", log],
            check=True, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        rounds = [{report: measured(report, log) for report in reports} for _ in range(given.repeat)]
    medians = {
        report: [statistics.median(values) for values in zip(*(one[report] for one in rounds), strict=True)]
        for report in reports
    }
    print(f"{'report':<12}{'seconds':>9}{'of views':>10}{'CPU':>8}{'of views':>10}{'MB':>7}")
    for report, (seconds, cpu, memory) in medians.items():
        wall, work = seconds / medians["views"][0], cpu / medians["views"][1]
        print(f"{report:<12}{seconds:>9.2f}{wall:>9.2f}x{cpu:>8.2f}{work:>9.2f}x{memory:>7.0f}")


if __name__ == "__main__":
    main()
