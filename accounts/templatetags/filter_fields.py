"""The fields of a filter form as HTML. Functions, because Django renders several templates for each of them."""

from collections.abc import Iterable
from html import escape

from django import forms
from django.forms.boundfield import BoundField

WIDGETS = (forms.Select, forms.TextInput, forms.HiddenInput)


def filter_fields(form: forms.Form, names: Iterable[str]) -> str:
    """The same as `as_field_group` of each field, and only the `<input>` of hidden ones."""
    return "".join(_field(form[name]) for name in names)


def _field(field: BoundField) -> str:
    widget = field.field.widget
    if field.errors or field.help_text or type(widget) not in WIDGETS:
        return str(field if field.is_hidden else field.as_field_group())
    if field.is_hidden:
        return _input(field)
    control = _select(field) if isinstance(widget, forms.Select) else _input(field)
    label = f'<label class="field__label" for="{escape(field.id_for_label)}">{escape(str(field.label))}</label>'
    return f'<div class="field">{label}{control}</div>'


def _input(field: BoundField) -> str:
    widget, value = field.field.widget, field.field.widget.format_value(field.value())
    written = "" if value is None else f' value="{escape(str(value))}"'
    return f'<input type="{escape(widget.input_type)}" name="{escape(field.html_name)}"{written}{_attributes(field)}>'


def _select(field: BoundField) -> str:
    widget = field.field.widget
    chosen = widget.format_value(field.value())
    options = "".join(
        f'<option value="{escape(str(value))}"{" selected" if str(value) in chosen else ""}>{escape(str(label))}</option>'
        for value, label in widget.choices
    )
    return f'<select name="{escape(field.html_name)}"{_attributes(field)}>{options}</select>'


def _attributes(field: BoundField) -> str:
    attributes = {**field.field.widget.attrs, **field.build_widget_attrs({"id": field.auto_id})}
    return "".join(_attribute(name, value) for name, value in attributes.items() if value is not False)


def _attribute(name: str, value: object) -> str:
    return f" {name}" if value is True else f' {name}="{escape(str(value))}"'
