"""Text formats: escapes, and requests that are broken, short or missing."""

import pytest

from pixelstat import formats
from pixelstat.formats.text_cutting import unescape
from tests.formats.lines import read, read_given

(COMBINED,) = formats.load_formats("combined")


@pytest.mark.parametrize(
    "broken",
    [
        "",
        '"',
        "GET /pixel.gif",
        '1.2.3.4 - - [31/Feb/2026:10:00:00 +0000] "GET /p.gif HTTP/1.1" 200 43 "-" "-"',
        '1.2.3.4 - - [07/Sep/2026:25:00:00 +0000] "GET /p.gif HTTP/1.1" 200 43 "-" "-"',
        '1.2.3.4 - - [07/Sep/2026:10:00:00] "GET /p.gif HTTP/1.1" 200 43 "-" "-"',
        '1.2.3.4 - - [07/Sep/2026:10:00:00 +00x0] "GET /p.gif HTTP/1.1" 200 43 "-" "-"',
        '1.2.3.4 - - [07/Sep/2026:10:00:00 +0000] "GET /p.gif HTTP/1.1" abc 43 "-" "-"',
        '1.2.3.4 - - [07/Sep/2026:10:00:00 +0000] "GET /p.gif HTTP/1.1" 200 43 "-" "Mozi',
    ],
)
def test_a_broken_line_is_unreadable(broken: str) -> None:
    assert read(COMBINED, broken)["rejected"].to_list() == ["unreadable"]


@pytest.mark.parametrize(
    ("escaped", "plain"),
    [
        ("plain", "plain"),
        (r"a\x22b\x5Cc", 'a"b\\c'),
        (r"say \"hi\" \\", 'say "hi" \\'),
        (r"caf\xc3\xa9", "café"),
        (r"\x5Cx22", r"\x22"),
        (r"bad \xff end", "bad \ufffd end"),
        (r"\q \x4", r"\q \x4"),
    ],
)
def test_escapes_are_undone_once(escaped: str, plain: str) -> None:
    assert unescape(escaped) == plain


def test_a_target_with_blanks_is_read_whole() -> None:
    row = read_given(
        "combined", '1.2.3.4 - - [07/Sep/2026:10:00:00 +0000] "GET /p.gif?p=/a b c HTTP/1.1" 200 43 "-" "-"'
    )
    assert row["query"] == "p=/a b c"


def test_a_request_without_a_version_is_read() -> None:
    assert (
        read_given("combined", '1.2.3.4 - - [07/Sep/2026:10:00:00 +0000] "GET /p.gif" 200 43 "-" "-"')["path"]
        == "/p.gif"
    )


@pytest.mark.parametrize("request_line", [r"\x16\x03\x01\x00u", "", "-", "GET"])
def test_a_line_without_a_valid_request_is_readable(request_line: str) -> None:
    row = read_given("combined", f'1.2.3.4 - - [07/Sep/2026:10:00:00 +0000] "{request_line}" 400 173 "-" "-"')
    assert (row["rejected"], row["path"]) == (None, None)
