"""Compile a log format and the rules of its lines to a native plan."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote, quote_plus

from pixelstat.fastpath.extension import native
from pixelstat.fastpath.line_rules import LineRules
from pixelstat.formats.base import LogFormat
from pixelstat.formats.fields import TEXT_FIELDS
from pixelstat.formats.normalize import EARLIEST_TIME, is_time_field, latest_plausible_time
from pixelstat.formats.text import ANY_TAIL, EMPTY_TAIL, TextFormat
from pixelstat.formats.text_cutting import find_searchable_literals
from pixelstat.frames.placeholders import FIRST_LETTERS, WORDS
from pixelstat.identity.consent import CONSENT_QUERY
from pixelstat.protocols.builtin import house
from pixelstat.protocols.extract import AMOUNT_COLUMNS
from pixelstat.schemas import ID_KEY, ID_PREFIX
from pixelstat.traffic.deduplication import HASHED_COLUMNS, REQUEST_HASH

if TYPE_CHECKING:
    from pixelstat.fastpath import _native

FIELD_KINDS = ("client", "vhost", "port", "time_clf", "request", "status", "bytes", "user_agent", "forwarded_for")
PARAMETER_KINDS = {  # by column; any other column takes text as it is
    **dict.fromkeys(AMOUNT_COLUMNS, "number"),
    ID_KEY: "visitor_id",
    **dict.fromkeys(("user_id", "recipient", "order_id"), "id"),
}
HEADERS = {name: "http_referer" if name == "referrer" else name for name in TEXT_FIELDS}  # field of a log -> column
REQUEST_COLUMNS = ("method", "path", "query", CONSENT_QUERY)  # the extension expects them first
MOST_FIELDS, MOST_COLUMNS, MOST_PARAMETERS = 64, 255, 1024  # what the extension has room for

# These names contain a blank, which names of custom columns cannot.
LINE_ORDER = "line order"  # a column: where the line stands among all lines of the run
CUSTOM = "custom "  # in front of custom columns: they may have the name of a column that is made on the way


class CompiledPlan(NamedTuple):
    """A native plan and the columns of text that it can fill, in its order."""

    native: "_native.Plan"
    text_columns: Sequence[str]


class Field(NamedTuple):
    """A field of a log format."""

    before: str  # the literal in front of it
    kind: str  # one that the extension knows
    name: str


def compile_plan(log_format: LogFormat, rules: LineRules, max_line: int) -> CompiledPlan | None:
    """Compile a plan that reads the simple lines of a format. Return None where expressions must read them all."""
    if native is None or not isinstance(log_format, TextFormat) or (fields := _list_fields(log_format)) is None:
        return None
    names = {**house.parameter_names()}
    names[ID_KEY] = names.pop("visitor_id")
    event_names = names.pop("event")
    names |= {CUSTOM + column: parameters for column, parameters in rules.custom_columns.items()}
    columns = [*REQUEST_COLUMNS, *(header for name, header in HEADERS.items() if name in log_format.names), *names]
    index = {column: number for number, column in enumerate(columns)}
    parameters = [
        *((name, "event", 0) for name in event_names),
        *((name, "consent", 0) for name in rules.consent_parameters),
        *(
            (name, PARAMETER_KINDS.get(column, "text"), index[column])
            for column, synonyms in names.items()
            for name in synonyms
        ),
    ]
    if len(fields) > MOST_FIELDS or len(columns) > MOST_COLUMNS or len(parameters) > MOST_PARAMETERS:
        return None
    if any({*name} & {*"=&"} for name, _, _ in parameters):  # the extension ends a name there
        return None
    last = log_format.tokens[-1]
    plan = native.Plan(
        fields=[
            (field.before.encode(), field.kind, index.get(HEADERS.get(field.name, field.name), 0), must_be_first_match)
            for field, must_be_first_match in zip(fields, find_searchable_literals(log_format.tokens), strict=True)
        ],
        last_literal=last.encode(),
        ends_with_last=log_format.tail == EMPTY_TAIL or '"' not in last,  # else anything may follow the last quote
        parameters=[(name.encode(), kind, column) for name, kind, column in parameters],
        row_columns=(LINE_ORDER, "time", "status", "bytes", "event", REQUEST_HASH),
        text_columns=columns,
        hashed_columns=tuple(index.get(name, -1) for name in HASHED_COLUMNS),
        id_prefix=ID_PREFIX.encode(),
        placeholders=sorted(
            {spelling.lower().encode() for word in WORDS for spelling in (word, quote(word, ""), quote_plus(word))}
        ),
        placeholder_letters=FIRST_LETTERS.encode(),
        earliest=int(EARLIEST_TIME.timestamp()) * 1_000_000,
        latest=int(latest_plausible_time().timestamp()) * 1_000_000,
        longest_line=max_line,
    )
    return CompiledPlan(plan, columns)


def _list_fields(log_format: TextFormat) -> list[Field] | None:
    """List the fields of a format. Return None where the extension cannot tell them apart as expressions do."""
    is_simple = (
        log_format.finish is None
        and log_format.tail in (EMPTY_TAIL, ANY_TAIL)
        and not log_format.excluded_tails
        and {*log_format.field_patterns} <= {"forwarded_for"}
        and len(log_format.names) == len({*log_format.names})
        and [name for name in log_format.names if is_time_field(name)] == ["time_clf"]
        and "request" in log_format.names
        and ("client" in log_format.names or "forwarded_for" not in log_format.names)
    )
    fields, quotes = [], 0
    for index in range(1, len(log_format.tokens), 2):
        before, name, after = log_format.tokens[index - 1 : index + 2]
        kind = name if name in FIELD_KINDS or not name else "text" if name in TEXT_FIELDS else None
        quotes += before.count('"')
        is_quoted = quotes % 2 == 1
        if kind == "time_clf" and not is_quoted and '"' not in after:  # what ends the time must not occur in it
            is_simple &= re.match("[0-9A-Za-z/:+ -]", after) is None
        is_simple &= is_quoted == before.endswith('"') and (not is_quoted or after.startswith('"'))
        if kind is None or not is_simple:
            return None
        fields.append(Field(before, kind, name))
    return fields
