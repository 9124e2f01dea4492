"""Queries for users with words in their username, full name, email address, or roles, regardless of case and accents.

Elasticsearch searches the terms in its index: parts of the texts, in lower case and with accents. A username or a role is one term.
A full name is split into words, without most punctuation, and between Chinese and Japanese characters. An email address is one
term, but it is split if its domain doesn't end with a public top-level domain: `jane@corp.local` at the @, `jane@x.internal` into
`jane@x.int` and `ernal`.
"""

import re
import sys
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, Final

from accounts.services.client import PersonClient
from accounts.services.documents.queries import contains, literal
from accounts.services.users.users import User, user_from_api

Clause = dict[str, Any]
MAX_COMPARED: Final = 10_000  # users that Elasticsearch returns at once
MAX_GAP: Final = 2  # in Unicode, an uppercase letter is between two lowercase letters

ACCENTS: Final = re.compile("[\u0300-\u036f]+")
ACCENTED_LETTERS: Final = (range(0xC0, 0x590), range(0x1EA0, 0x1EFA))  # Latin, Greek, Cyrillic; Vietnamese
OTHER_LETTERS: Final = str.maketrans("\u00f8\u0111\u0127\u0131\u0142\u0167\u03c2", "odhilt\u03c3")  # without a decomposition

# How the tokenizers of Elasticsearch classify characters: ideographs, katakana, Southeast Asian scripts, and joiners, which don't
# split a word between two letters or digits. Others are a letter (L), a digit (N), a combining mark (x), or a separator (X).
CLASSES: Final = {
    "_": re.compile("_"),
    "J": re.compile("[.':\u00b7\u2018\u2019\u2027]"),
    "I": re.compile(
        "[\u2e80-\u2fd5\u3005\u3007\u3021-\u3029\u3038-\u303b\u3041-\u3096\u309d-\u309f\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
        "\U00020000-\U000323af]"
    ),
    "K": re.compile("[\u3031-\u3035\u309b\u309c\u30a0-\u30fa\u30fc-\u30ff\u31f0-\u31ff\uff66-\uff9d]"),
    "S": re.compile("[\u0e01-\u0e3a\u0e40-\u0e4e\u0e81-\u0ecd\u1000-\u103f\u1050-\u108f\u1780-\u17d3]"),
}
NAME_TERM: Final = re.compile(r"Ix*|K+|S+|(?:[LN_]|(?<=L)J(?=L)|(?<=N)J(?=N))+")
EMAIL_TERM: Final = re.compile(r"Ix*|K+|S+|[LN]+")


def fold(text: str) -> str:
    """The text in lower case, without the accents of Latin, Greek, and Cyrillic letters."""
    if text.isascii():
        return text.lower()
    plain = ACCENTS.sub("", unicodedata.normalize("NFD", _lower(text)))
    return unicodedata.normalize("NFC", plain).translate(OTHER_LETTERS)


def has_words(words: Iterable[str], *texts: str) -> bool:
    """Whether each of the words is in one of the texts."""
    folded = [fold(text) for text in texts]
    return all(any(fold(word) in text for text in folded) for word in _searchable(words))


def words_clause(client: PersonClient, words: Iterable[str], *, roles: bool = True) -> Clause:
    """The query for users with each of the words in their username, full name, email address, or (`roles`) one of their roles.

    One call finds the users who might have a word that is in none of their terms, and their texts are compared. If there are more
    than MAX_COMPARED of them, the query matches all who might. Raises AccessDenied.
    """
    words = _searchable(words)
    exact = _all_of(_any_of(_in_a_term(word, roles=roles)) for word in words)
    not_in_a_term = [clause for word in words for clause in _not_in_a_term(word)]
    if not not_in_a_term:
        return exact
    answer = client.query_user(query=_any_of(not_in_a_term), size=MAX_COMPARED)
    if answer["total"] > MAX_COMPARED:
        return _all_of(_any_of([*_in_a_term(word, roles=roles), *_not_in_a_term(word)]) for word in words)
    found = [user for user in map(user_from_api, answer["users"]) if has_words(words, *_texts(user, roles=roles))]
    return _any_of([exact, {"terms": {"username": [user.username for user in found]}}]) if found else exact


def _texts(user: User, *, roles: bool) -> list[str]:
    return [user.username, user.full_name, user.email, *(user.roles if roles else ())]


def _searchable(words: Iterable[str]) -> list[str]:
    """Without words of punctuation, which full names are indexed without, unless there are no others."""
    typed = list(words)
    return [word for word in typed if any(map(str.isalnum, word))] or typed


def _in_a_term(word: str, *, roles: bool) -> Iterator[Clause]:
    for form in _forms(word):
        if form.isascii():  # like usernames and roles
            yield contains("username", form)
            yield from [contains("roles", form)] if roles else []
        yield contains("full_name", form)
        yield contains("email", form)


def _forms(word: str) -> list[str]:
    """Accents are in the index as they were stored, composed or decomposed."""
    forms = (word, unicodedata.normalize("NFC", word), unicodedata.normalize("NFD", word))
    return list(dict.fromkeys([*map(_lower, forms), fold(word)]))


def _not_in_a_term(word: str) -> Iterator[Clause]:
    """What the terms of a text with the word have, if none of them has the word."""
    for form in _forms(word):
        yield from _several_terms("full_name", NAME_TERM, form)
        yield from _several_terms("email", EMAIL_TERM, form)
    yield from _accented_term("full_name", NAME_TERM, fold(word))
    yield from _accented_term("email", EMAIL_TERM, fold(word))
    yield from _split_domain(_lower(word))


def _several_terms(field: str, kind: re.Pattern[str], word: str) -> Iterator[Clause]:
    """The word as several terms, or between punctuation. Other text may precede the first one, and follow the last one."""
    classes = _classes(word)
    terms = [match.span() for match in kind.finditer(classes)]
    if not terms or terms == [(0, len(word))]:
        return
    clauses = []
    for start, end in terms:
        text = word[start:end]
        if classes[start] == "I":
            prefixes = suffixes = [""]
        elif field == "email" and not text.isalpha() and not text.isdecimal():
            prefixes = suffixes = ["*"]  # in an address that is one term, only its words and numbers are terms, too
        else:
            prefixes = ["*"] if start == 0 else ["", f"*{literal(word[:start])}"] if start == terms[0][0] else [""]
            suffixes = ["*"] if end == len(word) else ["", f"{literal(word[end:])}*"] if end == terms[-1][1] else [""]
        clauses.append(_any_of(_wildcard(field, before + literal(text) + after) for before in prefixes for after in suffixes))
    yield _all_of(clauses)


def _accented_term(field: str, kind: re.Pattern[str], word: str) -> Iterator[Clause]:
    """Terms that start like a term of the word, but with accents."""
    letters = _accented_letters()
    for text in (word[slice(*match.span())] for match in kind.finditer(_classes(word))):
        accentable = [at for at, letter in enumerate(text) if letter in letters]
        if accentable:
            pattern = "".join("?" if letter in letters else literal(letter) for letter in text)
            clauses = [_wildcard(field, f"{pattern}*")]
            if text.isascii():  # the pattern matches many terms without accents, too
                clauses.append(_any_of(clause for at in accentable for clause in _continued(field, text[:at], letters[text[at]])))
            yield _all_of(clauses)


def _continued(field: str, start: str, letters: Sequence[str]) -> Iterator[Clause]:
    """Terms with this start and then one of the letters."""
    first = last = letters[0]
    for letter in (*letters[1:], chr(sys.maxunicode)):
        if ord(letter) - ord(last) > MAX_GAP:
            yield {"range": {field: {"gte": start + first, "lt": start + chr(ord(last) + 1)}}}
            first = letter
        last = letter


@cache
def _accented_letters() -> Mapping[str, list[str]]:
    """The accented forms of each letter, in the order of Unicode."""
    forms: dict[str, list[str]] = defaultdict(list)
    for letter in map(chr, (code for block in ACCENTED_LETTERS for code in block)):
        if letter.isalpha() and letter == _lower(letter) and (plain := fold(letter)) != letter and len(plain) == 1:
            forms[plain].append(letter)
    return dict(forms)


def _split_domain(word: str) -> Iterator[Clause]:
    """The word in an email address that is split after up to three letters like a top-level domain."""
    for end in range(1, len(word)):
        before, after = word[:end].rpartition("@")[2], word[end:]
        label = before.rpartition(".")[2]
        terms = [after[slice(*match.span())] for match in EMAIL_TERM.finditer(_classes(after))]
        is_possible = "@" not in after and len(label) <= 3 and label.isascii() and label.isalpha()
        if not is_possible or not terms or not after.startswith(terms[0]):
            continue
        clauses = [_wildcard("email", f"{literal(terms[0])}*"), *(contains("email", term) for term in terms[1:])]
        if "." in before:
            yield _all_of([*clauses, _wildcard("email", f"*{literal(before)}")])
        elif "@" not in word and len(after) > 3:  # too many terms start with fewer letters
            yield _all_of(clauses)


def _wildcard(field: str, pattern: str) -> Clause:
    return {"wildcard": {field: pattern}}


def _classes(word: str) -> str:
    """The class of each character."""
    classes = ""
    for character in word:
        category = unicodedata.category(character)
        if category in ("Mn", "Mc", "Me", "Cf"):  # belongs to the character before it
            classes += "x" if classes[-1:] in ("I", "x") else classes[-1:] or "X"
        else:
            named = (name for name, characters in CLASSES.items() if characters.match(character))
            classes += next(named, "L" if category[0] == "L" or category == "Nl" else "N" if category == "Nd" else "X")
    return classes


def _lower(text: str) -> str:
    """In lower case, letter by letter, as Elasticsearch does it."""
    return "".join(letter.lower()[0] for letter in text)


def _any_of(clauses: Iterable[Clause]) -> Clause:
    alternatives = list(clauses)
    return {"bool": {"should": alternatives}} if len(alternatives) > 1 else alternatives[0]


def _all_of(clauses: Iterable[Clause]) -> Clause:
    return {"bool": {"filter": list(clauses)}}
