"""Build the regular expression that the lines of a text format match."""

import re
from collections.abc import Mapping

from pixelstat.formats.text_template import Segment, count_blanks

# Possessive, so that a line of megabytes leaves no way back to remember. Only Python's `re` knows this syntax.
_QUOTED_PATTERN = r'(?:[^"\\]++|\\.)*+'
_IPV6 = (  # an IPv4 address may be its end
    r"(?:[0-9A-Fa-f]{0,4}:[0-9A-Fa-f]{0,4}:[0-9A-Fa-f:]*|[0-9A-Fa-f:]*::(?:[Ff]{4}:)?[0-9]{1,3}(?:\.[0-9]{1,3}){3})"
    r"(?:%[A-Za-z0-9_.-]*)?"
)
_CLIENT = (  # an address or a name, with a port or not
    rf'(?:-|{_IPV6}|\[[0-9A-Fa-f:.]+\](?::[0-9]+)?|[A-Za-z0-9_][A-Za-z0-9_.-]*(?::[0-9]+)?|unix:[^ \t"]*)'
)
FIELD_PATTERNS = {  # regular expressions of fields that stand outside of quotes
    "client": _CLIENT,
    "address_port": r"(?:[0-9.]+|[0-9A-Fa-f:]+|::[Ff]{4}:[0-9.]+|\[[0-9A-Fa-f:.]+\]|unix):[0-9]+",
    "vhost": r"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.*-]+)(?::[0-9]+)?",
    "time_clf": r"[0-9]{2}/(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)/[0-9]{4}:[0-9]{2}:[0-9]{2}:[0-9]{2} [+-][0-9]{4}",
    "time_iso": r'[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}[^ \t"]*',
    "time_seconds": r"[0-9]+(?:\.[0-9]+)?",
    "status": r"(?:[0-9]{3}|[0-])",
    "status_code": r"[0-9]{1,3}",
    "answer": r"(?:[0-9]{1,3}|-1?)",
    "hierarchy": r"[A-Z0-9_]+/[^ ]*",
    "country": r"(?:[A-Z][A-Z0-9]|-?)",
    "bytes": r"(?:[0-9]+|-)",
    "port": r"[0-9]+",
    "date": r"[0-9]{4}[-/][0-9]{2}[-/][0-9]{2}",
    "clock": r"[0-9]{2}:[0-9]{2}:[0-9]{2}(?:[.,][0-9]+)?",
}
FRONT_FIELDS = ("client", "address_port", "vhost", "port")  # those that tell formats apart in front


def build_pattern(tokens: Segment, field_patterns: Mapping[str, str], *, is_for_python: bool = False) -> str:
    """Return a regular expression for the tokens. Without quotes in them, both Python and Polars understand it.

    Only Python understands one that `is_for_python`, which leaves no way back to remember.
    """
    pattern, is_quoted = "", False
    for index, token in enumerate(tokens):
        if index % 2 == 0:
            pattern += re.escape(token).replace("\\ ", " ")
            is_quoted ^= token.count('"') % 2 == 1
        elif token in field_patterns:
            pattern += f"(?:{field_patterns[token]})"
        elif is_quoted:
            pattern += _QUOTED_PATTERN if tokens[index + 1].startswith('"') else r'[^"]*?'
        elif token in FIELD_PATTERNS:
            pattern += FIELD_PATTERNS[token]
        elif blanks := count_blanks(token):
            pattern += " ".join([r'[^ \t"]*'] * (blanks + 1))
        else:
            pattern += _match_text_before(tokens[index + 1], "+" if is_for_python else "")
    return pattern


def _match_text_before(literal: str, possessive: str) -> str:
    """Return a regular expression of text outside of quotes that ends at the first such literal, as cut fields do.

    `possessive` is the mark behind what gives nothing back, if there is such a mark.
    """
    if literal in ("", " ", '"'):
        return r'[^ \t"]*'
    first, second = re.escape(literal[0]), re.escape(literal[1:2])
    if len(literal) == 1:
        return f'[^{first}"]*{possessive}'
    if len(literal) == 2 and first != second and '"' not in literal:
        one, more = f'[^{first}"]+{possessive}' if possessive else f'[^{first}"]', f"{first}+{possessive}"
        return f'(?:{one}|{more}[^{first}{second}"])*{possessive}{first}*?'
    return r'[^"]*?'
