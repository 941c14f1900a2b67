"""Parse a log_format string of nginx or Apache into literals and fields."""

import re
from collections.abc import Mapping, Sequence
from itertools import chain

from pixelstat.errors import PixelstatError
from pixelstat.formats.fields import APACHE_FIELDS, NGINX_FIELDS
from pixelstat.formats.normalize import is_time_field
from pixelstat.formats.templates import simplify_apache, simplify_nginx

APACHE_DIRECTIVE = re.compile(r"(?<!%)%[!<>\d,]*(\{[^}]*\})?(\^t[io]|[a-zA-Z])")  # a percent sign itself is `%%`
NGINX_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")

# Literal, field, literal, field, ..., literal: a whole template, or what stands between or outside of two quotes. A
# field that is not used is "".
Segment = list[str]


def parse_template(template: str, custom_fields: Mapping[str, str]) -> Segment:
    """Return the template as one segment. `custom_fields` are fields by variable, which come before the usual ones."""
    if "$" in template:
        template = simplify_nginx(template)
        variable, names = NGINX_VARIABLE, {**NGINX_FIELDS, **custom_fields}
    else:
        template = template.replace('\\"', '"').replace("\\t", "\t")
        template = re.sub(r"(?<!%)%t", "[%t]", template)  # Apache writes %t in brackets
        template = simplify_apache(template)
        variable, names = APACHE_DIRECTIVE, {**APACHE_FIELDS, **custom_fields}
    tokens, end = [], 0
    ranks: list[int] = []
    order = {name: rank for rank, name in enumerate(names)}
    for match in variable.finditer(template):
        name = "".join(filter(None, match.groups()))
        literal = template[end : match.start()].replace("%%", "%")
        key = name.lower() if "{" in name else name
        tokens += [literal, names.get(key, _strftime_field(name))]
        ranks.append(order.get(key, -1))
        end = match.end()
        if len(tokens) > 2 and not literal:
            raise PixelstatError(
                f"The log format {template!r} has two fields without a separator.",
                "Put a space or quotes between them, in the server's configuration too.",
            )
    return _skip_repeated([*tokens, template[end:]], ranks)


def _skip_repeated(tokens: Segment, ranks: Sequence[int]) -> Segment:
    """Return the tokens with one field of each name: of several the one of the highest rank, of equal ones the last."""
    names = tokens[1::2]
    best = {name: index for _, index, name in sorted(zip(ranks, range(len(names)), names, strict=True))}
    unique = [name if best[name] == index else "" for index, name in enumerate(names)]
    return [*chain.from_iterable(zip(tokens[::2], unique, strict=False)), tokens[-1]]


def _strftime_field(directive: str) -> str:
    """Return the field `time_as LAYOUT` for Apache's `%{LAYOUT}t`, or "" for any other directive."""
    if not (directive.startswith("{") and directive.endswith("}t") and "%" in directive):
        return ""
    return "time_as " + directive[1:-2].removeprefix("begin:").removeprefix("end:")


def split_at_quotes(tokens: Segment) -> list[Segment]:
    """Split a template at its quotes into segments that are outside, inside, outside, ... of quotes."""
    segments: list[Segment] = [[]]
    for index, token in enumerate(tokens):
        if index % 2:
            segments[-1].append(token)
            continue
        first, *rest = token.split('"')
        segments[-1].append(first)
        segments += [[literal] for literal in rest]
    return segments


def count_blanks(name: str) -> int:
    """Return the number of blanks in a field that is a time; no other field outside of quotes holds any."""
    return 1 if name == "time_clf" else name.removeprefix("time_as ").count(" ") if is_time_field(name) else 0
