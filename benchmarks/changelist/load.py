"""`python -m benchmarks.changelist.load START STOP`: puts the users of these numbers into the tables."""

import os
import sys

import django


def main() -> None:
    """Make the tables and the administrator when they are missing, then add the users."""
    django.setup()
    _make_tables()
    _add_users(range(int(sys.argv[1]), int(sys.argv[2])))


def _make_tables() -> None:
    from django.contrib.auth.models import User
    from django.core.management import call_command

    from benchmarks.changelist.models import Role
    from benchmarks.people import GONE, ROLES

    call_command("migrate", run_syncdb=True, verbosity=0)
    Role.objects.bulk_create([Role(name=name) for name in ROLES + GONE], ignore_conflicts=True)
    if not User.objects.exists():
        User.objects.create_superuser("admin", password=os.environ["CHANGELIST_PASSWORD"])


def _add_users(numbers: range) -> None:
    from django.db import connection, transaction

    from benchmarks.changelist.models import Person, Role
    from benchmarks.people import someone

    role_ids = dict(Role.objects.values_list("name", "id"))
    membership = Person.roles.through
    people = [someone(number) for number in numbers]
    with transaction.atomic():
        rows = [Person(username=who.username, full_name=who.full_name, email=who.email, is_active=who.enabled) for who in people]
        Person.objects.bulk_create(rows, batch_size=5000)
        held = [
            membership(person_id=row.pk, role_id=role_ids[name])
            for row, who in zip(rows, people, strict=True)
            for name in who.roles
        ]
        membership.objects.bulk_create(held, batch_size=5000)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")


if __name__ == "__main__":
    main()
