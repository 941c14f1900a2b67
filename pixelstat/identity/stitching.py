"""One person of all keys that were shown together: the visitor id, the user and the recipient of one event.

An open of a mail knows the recipient, a page view the visitor id, an order the user. What one event shows, itself or
in its page's address, is one person's, and so is what other events show together with any of these.

What is not one person's joins nothing, or thousands became one: placeholders, which stand where a page knew nothing
("0", "null", "anonymous", a merge tag that nobody filled in); keys beside more keys of one kind than a person has (a
kiosk's cookie, the user of a test, a mail's link that was passed on); and never address and agent, which a whole
office has in common.
"""

from collections.abc import Mapping

import polars as pl

from pixelstat.frames.query_string import parameter, percent_decode
from pixelstat.vocabulary import is_email_event

# A person's key is the least of theirs: by its kind in this order, then by the alphabet. Of each kind so many may
# stand beside one key. Some browsers forget a visitor id within a week, some senders give each mail a recipient of
# its own: a hundred of these can be a person's. Users are what people call themselves: twenty are many for a family.
MOST = {"u": 20, "r": 100, "v": 100, "p": 100, "k": 100}

# Of a page's address only what means nothing else elsewhere: `cid` is a campaign there, `client_id` a program.
LANDING: Mapping[str, tuple[str, ...]] = {
    "u": ("user_id", "uid"),
    "r": ("rcpt", "recipient", "subscriber"),
    "v": ("vid", "visitor_id", "anonymous_id"),
}

_WORDS = (
    "null|nil|none|undefined|unknown|anonymous|anon|guest|nobody|n/?a|nan|false|true|default|test|-1|"
    r"\(?not set\)?|\(none\)|\(null\)|\[object object\]"
)
_MERGE_TAG = r".*(?:\{.*\}|\*\|.*\|\*|%%.*%%).*|\[.*\]|<.*>|\$\w+"
NOBODY = rf"(?is:[\s0-]*|{_WORDS}|{_MERGE_TAG})"  # of noughts and dashes alone is the nil UUID, too
NO_KEY = rf"^(?:(?s:[cd]:.*)|[urvpk]:{NOBODY})$"


def shown_together(events: pl.LazyFrame) -> pl.LazyFrame:
    """EVENTS -> `keys`: what those that are not set aside show together, two keys or more, each such list once."""
    column = pl.col
    own = {"visitor": column("visitor"), "u": pl.lit("u:") + column("user_id"), "r": pl.lit("r:") + column("recipient")}
    queries = [column("page_query"), column("http_referer").str.extract(r"\?([^#]*)")]
    landing = pl.when(~is_email_event()).then(pl.concat_str(queries, separator="&", ignore_nulls=True))
    found = [f"landing_{kind}" for kind in LANDING]
    rows = (
        events.filter(column("rejected").is_null())
        .select(**own, landing=landing)
        .select(*own, *(parameter(column("landing"), LANDING[name[-1]]).alias(name) for name in found))
        .filter(pl.any_horizontal(column(name).is_not_null() for name in ("u", "r", *found)))
    )
    keys = [*own, *found]
    return (
        percent_decode(rows, found)
        .with_columns((pl.lit(f"{name[-1]}:") + column(name)).alias(name) for name in found)
        .select(pl.when(~column(name).str.contains(NO_KEY)).then(name).alias(name) for name in keys)
        .unique()
        .select(keys=pl.concat_list(keys).list.drop_nulls().list.unique())
        .filter(column("keys").list.len() > 1)
    )


def people(shown: pl.DataFrame) -> pl.DataFrame:
    """`keys` that were shown together -> `visitor`, `person`: of each key that is joined with others the person's.

    Nothing depends on the order of the rows: which keys join nothing is decided first, by all that was shown.
    """
    one, other = pl.col("one"), pl.col("other")
    rows = shown.with_row_index("row").explode("keys")
    beside = rows.join(rows, on="row", suffix="_beside").select(one="keys", other="keys_beside")
    beside = beside.filter(one != other).unique()
    counts = beside.group_by("one", kind=other.str.head(1)).len()
    shared = counts.filter(pl.col("len") > pl.col("kind").replace_strict(MOST))["one"].implode()
    pairs = beside.filter(one < other, ~one.is_in(shared), ~other.is_in(shared))
    above: dict[str, str] = {}
    for first, second in pairs.iter_rows():
        least, greater = sorted((_top(above, first), _top(above, second)), key=_rank)
        above[greater] = least
    joined = {key: _top(above, key) for key in list(above)}
    return pl.DataFrame(
        {"visitor": list(joined), "person": list(joined.values())}, {"visitor": pl.String, "person": pl.String}
    )


def stitched(events: pl.LazyFrame, people: pl.DataFrame) -> pl.LazyFrame:
    """EVENTS with the person's key as `visitor` where it is known."""
    joined = events.join(people.lazy(), on="visitor", how="left", maintain_order="left")
    return joined.with_columns(visitor=pl.coalesce("person", "visitor")).drop("person")


def _top(above: dict[str, str], key: str) -> str:
    """The least key that this one is known to be joined with; the way there is halved for the next who asks."""
    while (next_up := above.setdefault(key, key)) != key:
        above[key] = above[next_up]
        key = next_up
    return key


def _rank(key: str) -> tuple[int, str]:
    return list(MOST).index(key[0]), key
