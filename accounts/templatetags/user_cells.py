"""Tags for the cells of `user_table`."""

from django import template
from django.utils.safestring import SafeString, mark_safe

from accounts.services.users import User
from accounts.templatetags import user_table

register = template.Library()


@register.simple_tag
def user_box(user: User, can_select: bool) -> SafeString:
    return mark_safe(user_table.box(user, can_select))  # noqa: S308


@register.simple_tag
def user_status(user: User) -> SafeString:
    return mark_safe(user_table.status(user))  # noqa: S308
