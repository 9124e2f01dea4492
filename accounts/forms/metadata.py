"""The metadata of a user as rows: a key, the type of its value, and the value as text."""

import json
import math
from collections.abc import Iterable, Mapping
from typing import Any, Final, cast

from django import forms
from django.core.exceptions import ValidationError

from accounts.forms.fields import StoredTextField, hook
from accounts.services.users import editable_metadata

PREFIX: Final = "metadata"
TYPES: Final = {"text": "Text", "number": "Number", "boolean": "True or false", "json": "JSON"}
MAX_KEYS: Final = 100
MAX_KEY_LENGTH: Final = 256
MAX_SIZE: Final = 64 << 10  # bytes, as JSON
MAX_DEPTH: Final = 20

RESERVED = "Keys that start with an underscore are reserved for Elasticsearch."


def is_editable(metadata: Mapping[str, Any]) -> bool:
    """Whether the form can have all of it."""
    own = editable_metadata(metadata)
    return len(own) <= MAX_KEYS and _size(own) <= MAX_SIZE


def _size(metadata: Mapping[str, Any]) -> int:
    return len(json.dumps(metadata, ensure_ascii=False).encode(errors="replace"))


class StoredLinesField(StoredTextField):
    """A text in a `<textarea>`, in which every line break is the same."""

    widget = forms.Textarea

    def has_changed(self, initial: str | None, data: str | None) -> bool:
        return data is not None and _lines(data) != _lines(initial or "")

    def clean(self, value: Any) -> str:
        return _lines(super().clean(value))


def _lines(value: str) -> str:
    return value.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "\ufffd")


TEXT: Final = {"autocomplete": "off", "spellcheck": "false"}


class MetadataRowForm(forms.Form):
    key = StoredTextField(label="Key", widget=forms.TextInput(attrs=hook("metadataKey", **TEXT)))
    type = forms.ChoiceField(
        label="Type", choices=list(TYPES.items()), initial="text", widget=forms.Select(attrs=hook("metadataType"))
    )
    value = StoredLinesField(label="Value", widget=forms.Textarea(attrs=hook("metadataValue", rows=1, **TEXT)))

    @property
    def stored_key(self) -> str | None:
        """The key as it is stored; None for an added row."""
        key: str | None = self.initial.get("key")
        return key

    def clean_key(self) -> str:
        if self.stored_key is not None and "key" not in self.changed_data:
            return self.stored_key
        key: str = self.cleaned_data["key"]
        if not key:
            raise ValidationError("Enter a key.", code="required")
        if key.startswith("_"):
            raise ValidationError(RESERVED, code="reserved")
        if len(key) > MAX_KEY_LENGTH:
            raise ValidationError(f"A key can have up to {MAX_KEY_LENGTH} characters.", code="max_length")
        return key

    def clean(self) -> dict[str, Any]:
        """`parsed`: the value as it is stored, exactly, unless it was changed."""
        data = self.cleaned_data
        if "stored" in self.initial and not {"type", "value"} & set(self.changed_data):
            return {**data, "parsed": self.initial["stored"]}
        if {"type", "value"} <= data.keys():
            try:
                return {**data, "parsed": parse(data["type"], data["value"])}
            except ValidationError as exc:
                self.add_error("value", exc)
        return data


class _MetadataFormSet(forms.BaseFormSet):  # type: ignore[type-arg]
    def clean(self) -> None:
        """Each key once, and not too much of them."""
        keys = set[Any]()
        for form in self._kept():
            key = form.cleaned_data.get("key")
            if key is not None and key in keys:
                form.add_error("key", ValidationError("This key is already used in another row.", code="duplicate"))
            keys.add(key)
        if all(form.is_valid() for form in self._kept()) and _size(self.metadata()) > MAX_SIZE:
            raise ValidationError(f"All keys and values together can have up to {MAX_SIZE >> 10} KB as JSON.", code="size")

    def metadata(self) -> dict[str, Any]:
        """As submitted. Requires valid rows."""
        return {form.cleaned_data["key"]: form.cleaned_data["parsed"] for form in self._kept()}

    def problems(self) -> list[str]:
        """The errors, with the key of the row."""
        rows = [
            f"{form['key'].value() or 'New key'}: {message}"
            for form in self.forms
            if not _is_removed(form)
            for messages in form.errors.values()
            for message in messages
        ]
        return [*rows, *self.non_form_errors()]

    def _kept(self) -> list[MetadataRowForm]:
        """The rows that aren't empty or to be removed."""
        kept = [form for form in self.forms if not _is_removed(form)]
        return [form for form in kept if form.has_changed() or form.stored_key is not None]


def _is_removed(row: MetadataRowForm) -> bool:
    return bool(row.cleaned_data.get("DELETE"))


MetadataFormSet = forms.formset_factory(
    MetadataRowForm,
    formset=_MetadataFormSet,
    can_delete=True,
    can_delete_extra=False,
    max_num=MAX_KEYS,
    absolute_max=MAX_KEYS + 1,
    validate_max=True,
)


def formset(metadata: Mapping[str, Any], data: Mapping[str, Any]) -> _MetadataFormSet:
    """The rows of this metadata and an empty one; as submitted if `data` has rows."""
    is_bound = f"{PREFIX}-TOTAL_FORMS" in data
    rows = [{"key": key, **_shown(value), "stored": value} for key, value in sorted(editable_metadata(metadata).items())]
    return cast(_MetadataFormSet, MetadataFormSet(data if is_bound else None, prefix=PREFIX, initial=rows))


def rebased_rows(typed: Mapping[str, Any], seen: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, str]:
    """Form data after a conflict, for `formset(now, …)`: what was changed from `seen` as it was typed, the rest as it is now."""
    seen, now = editable_metadata(seen), editable_metadata(now)
    changed = {key: value for key, value in typed.items() if key not in seen or json.dumps(seen[key]) != json.dumps(value)}
    removed = seen.keys() - typed.keys()
    stored = sorted(now)
    rows: list[tuple[str, Any, bool]] = [(key, changed.get(key, now[key]), key in removed) for key in stored]
    rows += [(key, value, False) for key, value in changed.items() if key not in now]
    added = len(rows)  # an empty row
    data = {
        f"{PREFIX}-TOTAL_FORMS": str(added + 1),
        f"{PREFIX}-INITIAL_FORMS": str(len(stored)),
        f"{PREFIX}-{added}-key": "",
        f"{PREFIX}-{added}-type": "text",
        f"{PREFIX}-{added}-value": "",
    }
    for number, (key, value, is_removed) in enumerate(rows):
        fields = {"key": key, **_shown(value), **({"DELETE": "on"} if is_removed else {})}
        data |= {f"{PREFIX}-{number}-{name}": text for name, text in fields.items()}
    return data


def _shown(value: Any) -> dict[str, str]:
    """The type of a stored value, and its text."""
    if isinstance(value, str):
        return {"type": "text", "value": value}
    if isinstance(value, bool):
        return {"type": "boolean", "value": json.dumps(value)}
    kind = "number" if isinstance(value, int | float) else "json"
    return {"type": kind, "value": json.dumps(value, ensure_ascii=False, indent=2)}


def parse(kind: str, text: str) -> Any:
    """The value of a text of that type. Raises ValidationError."""
    if kind == "text":
        return text
    if kind == "boolean":
        if text.strip().lower() not in ("true", "false"):
            raise ValidationError("Enter true or false.", code="boolean")
        return text.strip().lower() == "true"
    value = _json(text, "Enter a number, such as 42 or 0.5." if kind == "number" else 'Enter valid JSON, such as ["a", "b"].')
    if kind == "number" and (isinstance(value, bool) or not isinstance(value, int | float)):
        raise ValidationError("Enter a number, such as 42 or 0.5.", code="number")
    return value


def _json(text: str, problem: str) -> Any:
    try:
        value = json.loads(text, parse_float=_finite, parse_constant=_finite, object_pairs_hook=_unique)
        json.dumps(value, ensure_ascii=False).encode()
        is_too_deep = _depth(value) > MAX_DEPTH
    except RecursionError:
        is_too_deep = True
    except ValueError:  # also of half characters
        raise ValidationError(problem, code="json") from None
    if is_too_deep:
        raise ValidationError(f"JSON can be nested up to {MAX_DEPTH} levels deep.", code="depth")
    return value


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(text)
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A key that is there twice would lose a value."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValidationError("A key is used twice in the same object.", code="duplicate")
    return found


def _depth(value: Any) -> int:
    inner: Iterable[Any] = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + max(map(_depth, inner), default=0) if isinstance(value, dict | list) else 0
