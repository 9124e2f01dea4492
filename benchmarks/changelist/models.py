"""Users and roles, with a many-to-many relation."""

from typing import ClassVar

from django.db import models


class Role(models.Model):
    objects: ClassVar[models.Manager["Role"]] = models.Manager()

    name = models.CharField(max_length=200, unique=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Person(models.Model):
    objects: ClassVar[models.Manager["Person"]] = models.Manager()

    username = models.CharField(max_length=200, unique=True)
    full_name = models.CharField(max_length=200, blank=True)
    email = models.EmailField(blank=True)
    is_active = models.BooleanField("active", default=True)
    roles = models.ManyToManyField(Role, blank=True)

    class Meta:
        ordering = ["username"]
        verbose_name_plural = "people"

    def __str__(self) -> str:
        return self.username
