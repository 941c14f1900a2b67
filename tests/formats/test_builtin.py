"""Every built-in format reads its own samples to the stated values, is detected first, and marks broken lines."""

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixelstat import formats
from pixelstat.formats.base import LogFormat, Sample
from pixelstat.formats.detection import detect
from pixelstat.formats.reparse import reparse_misfits
from pixelstat.formats.wrapping_kinds import Wrapping
from pixelstat.formats.wrappings import WRAPPINGS
from pixelstat.schemas import READ
from tests.formats.lines import LINE_WRAPPINGS, read, wrap
from tests.marks import slow_after

ALL = formats.load_all_formats()

(COMBINED,) = formats.load_formats("combined")

SAMPLE = COMBINED.samples[0].line

NAMED = [
    pytest.param(form, sample, id=f"{form.name}-{n}")
    for n, (form, sample) in enumerate((form, sample) for form in ALL for sample in form.samples)
]


def expected(sample: Sample) -> dict[str, object]:
    return {**sample.fields, "time": datetime.fromisoformat(f"{sample.fields['time']}+00:00")}


@pytest.mark.parametrize(("form", "sample"), NAMED)
def test_samples_are_read_to_the_stated_values(form: LogFormat, sample: Sample) -> None:
    layouts = [layout for layout in ALL if layout.name == form.name and layout.matches(sample.line, sample.header)]
    requests = read(layouts[0], sample.line, header=sample.header)
    assert requests.schema == READ
    row = requests.row(0, named=True)
    assert row["rejected"] is None
    assert {name: row[name] for name in expected(sample)} == expected(sample)


@pytest.mark.parametrize(("form", "sample"), NAMED)
def test_samples_are_detected_as_their_own_format(form: LogFormat, sample: Sample) -> None:
    told = detect([*([sample.header] if sample.header else []), sample.line], ALL)
    assert told
    assert told.name == form.name


@pytest.mark.slow
@pytest.mark.parametrize(("form", "sample"), slow_after(2, NAMED, names=2))
def test_samples_in_a_log_of_another_format_are_read_all_the_same(form: LogFormat, sample: Sample) -> None:
    others = [
        other for place, other in enumerate(ALL) if place % 2 == (ALL.index(form) + form.samples.index(sample)) % 2
    ]
    for other in (form.with_header(None, form.samples[0].line) if form.name == "text" else form for form in others):
        unsure = read(other, sample.line, header=sample.header)
        row = reparse_misfits(unsure, ALL, "UTC", 1 << 20).row(0, named=True)
        values = {name: row[name] for name in expected(sample)}
        assert (other.name, values) == (other.name, expected(sample))


PLAIN_SAMPLES = [(form, sample) for form in ALL for sample in form.samples if not sample.header]


def test_every_wrapping_shows_the_place_of_the_line() -> None:
    assert [wrapping.name for wrapping in WRAPPINGS if "{}" not in wrapping.sample] == []


@pytest.mark.parametrize("wrapping", slow_after(1, LINE_WRAPPINGS), ids=lambda wrapping: wrapping.sample)
def test_samples_in_a_wrapping_are_read_to_the_same_values(wrapping: Wrapping) -> None:
    place = LINE_WRAPPINGS.index(wrapping)
    for form, sample in PLAIN_SAMPLES[place % 4 :: 4]:
        has_site_in_front = sample.line.startswith(str(sample.fields.get("vhost")))
        has_colons_in_front = str(sample.fields.get("client")).count(":") > 1
        if wrapping.sample == "Sep  7 10:00:01 {}" and has_site_in_front:
            continue  # it looks like the name of the machine
        if wrapping.name == "grep" and has_colons_in_front:
            continue  # the number of a line looks like a part of the address
        check_detected(form, sample, wrap(wrapping, sample.line))


@pytest.mark.slow
@pytest.mark.parametrize("outer", LINE_WRAPPINGS, ids=lambda wrapping: wrapping.sample)
def test_wrappings_may_be_inside_each_other(outer: Wrapping) -> None:
    form, sample = PLAIN_SAMPLES[0]
    for inner in LINE_WRAPPINGS[LINE_WRAPPINGS.index(outer) % 4 :: 4]:
        if outer.name == "quotes" and inner.name in ("Fluent Bit", "Loki", "quotes"):
            continue  # the quotes of both are not escaped
        check_detected(form, sample, wrap(outer, wrap(inner, sample.line)))


def check_detected(form: LogFormat, sample: Sample, line: str) -> None:
    detected = detect([line], ALL)
    assert detected, line
    assert detected.name == form.name, line
    row = read(detected, line).row(0, named=True)
    assert {name: row[name] for name in expected(sample)} == expected(sample), line


def test_the_folder_of_formats_and_the_registry_agree() -> None:
    from pathlib import Path

    files = {path.stem for path in (Path(str(formats.__file__)).parent / "builtin").glob("*.py")} - {"__init__"}
    assert files == set(formats.NAMES)


@pytest.mark.slow
@given(
    st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\n")), min_size=1, max_size=4),
    st.sampled_from(ALL),
)
def test_no_line_makes_a_format_raise(texts: list[str], form: LogFormat) -> None:
    assert read(form, *texts).height == len(texts)


@pytest.mark.slow
@given(st.integers(0, len(SAMPLE)), st.text(max_size=3), st.sampled_from(ALL))
def test_no_tampered_line_makes_a_format_raise(at: int, text: str, form: LogFormat) -> None:
    assert read(form, SAMPLE[:at] + text + SAMPLE[at:], SAMPLE[:at]).height == 2
