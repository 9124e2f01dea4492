import pytest

from accounts.services.search.ranking import Fit, fit, words_of
from accounts.templatetags.highlight import highlight


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("jdoe", Fit.WHOLE),
        ("JDoe", Fit.WHOLE),
        ("jd", Fit.START),
        ("jane", Fit.WORDS),
        ("example doe", Fit.WORDS),
        ("doe jan", Fit.WORD_STARTS),
        ("exam", Fit.WORD_STARTS),
        ("ane", Fit.PARTS),
        ("oe ane xampl", Fit.PARTS),
        ("jäne", Fit.WORDS),
        ("jane smith", None),
        ("jdoe*", None),
        (".*", None),
        ("j?oe", None),
        ("\\", None),
    ],
)
def test_how_well_a_user_fits(typed: str, expected: Fit | None) -> None:
    assert fit(words_of(typed), "jdoe", "Jane Doe", "jane@example.org") == expected


def test_several_words_may_be_the_start_of_a_name() -> None:
    assert fit(words_of("create  us"), "Create user") == Fit.START


def test_word_boundaries_of_the_ranking() -> None:
    assert fit(["admin"], "kibana_admin") == Fit.WORDS
    assert fit(["åkes"], "bjorn", "Björn Åkesson") == Fit.WORD_STARTS
    assert fit(["admin"], "badminton") == Fit.PARTS
    assert fit(["ipek"], "ipek", "İpek") == Fit.WHOLE
    assert fit(["nunez"], "jn", "José Núñez") == Fit.WORDS


def test_the_best_comes_first() -> None:
    assert sorted(Fit) == [Fit.WHOLE, Fit.START, Fit.WORDS, Fit.WORD_STARTS, Fit.PARTS]


def test_what_is_typed_is_capped() -> None:
    assert len(words_of("a " * 10_000)) == 10
    assert len("".join(words_of("x" * 10_000))) == 200


@pytest.mark.parametrize(
    ("text", "words", "expected"),
    [
        ("Jane Doe", [], "Jane Doe"),
        ("Jane Doe", ["do", "JANE"], "<mark>Jane</mark> <mark>Do</mark>e"),
        ("<b>&b", ["b"], "&lt;<mark>b</mark>&gt;&amp;<mark>b</mark>"),
        ("a.b|c", ["."], "a<mark>.</mark>b|c"),
        ("<script>", ["<script>"], "<mark>&lt;script&gt;</mark>"),
        ("&amp;", ["amp"], "&amp;<mark>amp</mark>;"),
        ("Núñez <İpek>", ["unez", "IPEK"], "N<mark>úñez</mark> &lt;<mark>İpek</mark>&gt;"),
        ("user_users", ["user", "users"], "<mark>user</mark>_<mark>users</mark>"),
    ],
)
def test_matches_are_highlighted_and_escaped(text: str, words: list[str], expected: str) -> None:
    assert highlight(text, words) == expected
