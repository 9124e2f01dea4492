"""What Elasticsearch returns can be shown."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from accounts.services.client.serializer import ShowableJsonSerializer

ANY_TEXT = st.text(st.characters(exclude_categories=()))


@pytest.mark.parametrize("is_escaped", [True, False])
@given(text=ANY_TEXT)
@example(text="\ud83d\ude00")
@example(text="\\ud800")
def test_half_a_character_is_a_question_mark(text: str, is_escaped: bool) -> None:
    body = json.dumps({text: text}, ensure_ascii=is_escaped).encode(errors="surrogatepass")
    expected = json.loads(body.decode(errors="surrogatepass"))
    shown = ShowableJsonSerializer().loads(body)
    assert shown == {_shown(key): _shown(value) for key, value in expected.items()}


def _shown(text: str) -> str:
    return text.encode(errors="replace").decode()
