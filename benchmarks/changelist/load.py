"""`python -m benchmarks.changelist.load START STOP`: adds the sample users with these numbers."""

import os
import sys

import django


def main() -> None:
    """Create missing tables and a missing administrator, then add the users."""
    django.setup()
    _make_tables()
    _add_users(range(int(sys.argv[1]), int(sys.argv[2])))


def _make_tables() -> None:
    from django.contrib.auth.models import User
    from django.core.management import call_command

    from benchmarks.changelist.models import Role
    from benchmarks.people import NONEXISTENT_ROLES, ROLES

    call_command("migrate", run_syncdb=True, verbosity=0)
    Role.objects.bulk_create([Role(name=name) for name in ROLES + NONEXISTENT_ROLES], ignore_conflicts=True)
    if not User.objects.exists():
        User.objects.create_superuser("admin", password=os.environ["CHANGELIST_PASSWORD"])


def _add_users(numbers: range) -> None:
    from django.db import connection, transaction

    from benchmarks.changelist.models import Person, Role
    from benchmarks.people import sample_user

    role_ids = dict(Role.objects.values_list("name", "id"))
    membership = Person.roles.through
    sample = [sample_user(number) for number in numbers]
    with transaction.atomic():
        rows = [
            Person(username=user.username, full_name=user.full_name, email=user.email, is_active=user.enabled) for user in sample
        ]
        Person.objects.bulk_create(rows, batch_size=5000)
        held = [
            membership(person_id=row.pk, role_id=role_ids[name])
            for row, user in zip(rows, sample, strict=True)
            for name in user.roles
        ]
        membership.objects.bulk_create(held, batch_size=5000)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")


if __name__ == "__main__":
    main()
