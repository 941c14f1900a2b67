"""A text is found in a payload by its spellings, wherever in the base64 it stands."""

from base64 import b64encode, urlsafe_b64encode
from urllib.parse import quote

import pytest

from pixelstat.protocols.payloads import spell_in_payload


@pytest.mark.parametrize("before", range(6))
@pytest.mark.parametrize("after", range(4))
@pytest.mark.parametrize("text", ['"bot":true', "client_side_bot_detection", "ab"])
def test_a_text_is_found_at_any_place_of_a_payload(text: str, before: int, after: int) -> None:
    document = "{" * before + text + "}" * after
    for encoded in (
        document,
        quote(document),
        b64encode(document.encode()).decode(),
        urlsafe_b64encode(document.encode()).decode(),
    ):
        assert any(spelling in encoded for spelling in spell_in_payload(text))
    assert not any(spelling in "eyJzY2hlbWEiOiJpZ2x1OmNvbS5zbm93cGxvdw" for spelling in spell_in_payload(text))
