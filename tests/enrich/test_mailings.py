"""--sent: what was sent to how many and when, and every way of saying that wrong, by its line."""

from datetime import datetime, timezone
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from pixelstat.enrich.mailings import Mailings, read_mailings
from pixelstat.errors import PixelstatError

BERLIN = ZoneInfo("Europe/Berlin")


def sent(folder: Path, text: str) -> Mailings:
    (folder / "sent.csv").write_text(text)
    return read_mailings(str(folder / "sent.csv"), BERLIN)


def test_numbers_sent_of_one_message_add_up(tmp_path: Path) -> None:
    found = sent(tmp_path, "message,sent\nlaunch,1200\nlast call,7\nlaunch,30\n\n")
    assert found.key == "message"
    assert sorted(found.recipients.rows()) == [("last call", 7), ("launch", 1230)]
    assert found.times.is_empty()


def test_recipients_are_counted_once_and_times_are_the_earliest_in_the_zone(tmp_path: Path) -> None:
    found = sent(
        tmp_path,
        "\ufeffTime,Campaign,Recipient\n2026-09-07 12:00,launch,ann\n2026-09-07T09:00:00Z,launch,ann\n,launch,ben\n",
    )
    assert found.recipients.rows() == [("launch", 2)]
    assert found.times.rows() == [("launch", "ann", datetime(2026, 9, 7, 9, tzinfo=timezone.utc))]
    summer = sent(tmp_path, "message,sent,time\nlaunch,2,2026-09-07 12:00\n")
    assert summer.times.rows() == [("launch", datetime(2026, 9, 7, 10, tzinfo=timezone.utc))]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "line 1: '' is not a header of --sent."),
        ("launch,1200\n", "line 1: 'launch,1200' is not a header of --sent."),
        ("message,time\n", "line 1: 'message,time' is not a header of --sent."),
        ("message,sent,recipient\n", "line 1: 'message,sent,recipient' is not a header of --sent."),
        ("message,sent,sent\n", "line 1: 'message,sent,sent' is not a header of --sent."),
        ("message,sent\nlaunch\n", "line 2: the row has 1 fields, but the header has 2."),
        ("message,sent\nlaunch,5\nlaunch,1.200\n", "line 3: '1.200' is not a number of recipients."),
        ("message,sent\nlaunch,-1\n", "line 2: '-1' is not a number of recipients."),
        ("message,sent\n,5\n", "line 2: the message is empty."),
        ("message,recipient\nlaunch, \n", "line 2: the recipient is empty."),
        ("message,sent,time\nlaunch,5,soon\n", "line 2: 'soon' is not a time."),
        ("message,sent,time\nlaunch,5,0001-01-01 00:00\n", "line 2: '0001-01-01 00:00' is not a time."),
    ],
)
def test_an_error_in_the_file_of_mailings_names_its_line(text: str, sentence: str, tmp_path: Path) -> None:
    with pytest.raises(PixelstatError) as caught:
        sent(tmp_path, text)
    assert caught.value.sentence.endswith(sentence)
