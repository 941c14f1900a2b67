"""HTML in a page stays text where a browser would show the report."""

from pathlib import Path

import pytest

from tests.builders import log, request
from tests.small_logs import count_views


@pytest.mark.slow
@pytest.mark.parametrize(
    "page", ["/<img src=x onerror=alert(1)>", "/%3Cscript%3Ealert(1)%3C/script%3E", "javascript:alert(1)"]
)
@pytest.mark.parametrize("place", ["parameter", "encoded", "referrer"])
def test_html_in_a_page_is_text(page: str, place: str, tmp_path: Path) -> None:
    if place == "referrer":
        line = request("/pixel.gif?v=ann", "10:00", referrer=page)
    else:
        encoded = "".join(f"%{byte:02X}" for byte in page.encode()) if place == "encoded" else page
        line = request(f"/pixel.gif?v=ann&p={encoded}", "10:00")
    finished = count_views(tmp_path, log(line), "-q", "--format", "markdown")
    (row,) = [row for row in finished.stdout.splitlines() if row.endswith("| 1 | 1 |")]
    assert "<" not in row.replace("\\<", "")
    assert "](" not in row
