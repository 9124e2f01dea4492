"""Realistic sample users and roles in any number; a number always gives the same user."""

from dataclasses import dataclass
from random import Random
from typing import Final


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


FIRST: Final = _words(
    "Amara Jonas Priya Mateus Sofia Lukas Zoe Hiroshi Mai Fatima Oluwaseun Ingrid Bjorn Chloe Giulia Wei Aaliyah Dmitri Leila "
    "Tomas Kwame Siobhan Rafael Yuki Noah Anjali Mehmet Grace Peter Clara Elena Omar Hana Diego Freya Arjun Nadia Pavel Lucia "
    "Samuel Aisha Viktor Camila Henrik Noor Emeka Paula Kenji Marta Idris Linnea Carlos Tara Felix Rosa Anton Selma Hugo Irina "
    "Malik Vera Joao Astrid Tariq Nina Oscar Leonie Ravi Agnes Bruno Salma Erik Julia Kofi Alma Stefan Dalia Marco Olga Yusuf "
    "Ida Pedro Meera Jakob Zainab Luis Maja Karim Stella Otto Ayesha Nils Carla Hassan Edith Ivan Lena Musa Greta Adam Nora"
)
LAST: Final = _words(
    "Okafor Weber Raghunathan Goncalves Nunez Wisniewski Vandenberg Tanaka Nguyen Alzahra Adeyemi Sorensen Akesson Lefevre Rossi "
    "Zhang Johnson Volkov Haddad Novak Mensah Kelly Ortiz Sato Cohen Deshpande Yilmaz Mbeki Lindqvist Hoffmann Popescu Farouk "
    "Suzuki Fernandez Larsen Mehta Petrova Kowalski Moretti Osei Rahman Ivanov Castro Nilsson Hussain Eze Silva Yamamoto Kaminska "
    "Diallo Berg Mendoza Murphy Schneider Marino Sokolov Demir Laurent Bauer Khan Horvat Pereira Dahl Aziz Fischer Garcia Keller "
    "Patel Virtanen Costa Mansour Andersson Richter Boateng Jensen Meyer Saleh Ricci Orlov Kaya Holm Ramos Iyer Vogel Bello Vega "
    "Lund Nasser Romano Braun Siddiqui Koch Ferrari Ali Winter Morozov Becker Toure Huber Walker Young"
)
DEPARTMENTS: Final = _words(
    "sales marketing finance legal logistics support research payroll security platform billing search shop warehouse fleet claims "
    "audit training press energy risk treasury travel facilities procurement"
)
DUTIES: Final = _words("reader writer editor analyst owner")
REGIONS: Final = _words("emea apac amer dach")

ROLES: Final = tuple(f"{department}_{duty}_{region}" for department in DEPARTMENTS for duty in DUTIES for region in REGIONS)
NONEXISTENT_ROLES: Final = ("data_warehouse_reader", "old_crm")  # roles that don't exist, which every real cluster has


@dataclass(frozen=True)
class SampleUser:
    """A sample user, for Elasticsearch and for the Django admin."""

    username: str
    full_name: str
    email: str
    roles: tuple[str, ...]
    enabled: bool


def sample_user(number: int) -> SampleUser:
    """The sample user with this number, from 0; usernames are unique."""
    random = Random(number)  # noqa: S311
    full_name, repetition = _name(number)
    username = ".".join(full_name.lower().split()) + repetition
    email = "" if random.random() < 0.03 else f"{username}@example.{random.choice(('org', 'com', 'net'))}"
    return SampleUser(username, full_name if random.random() < 0.97 else "", email, _roles(random), random.random() < 0.95)


def _name(number: int) -> tuple[str, str]:
    """The full name, spread over all names, and a suffix for the username once all combinations are used up."""
    repetition, index = divmod(number, len(FIRST) * len(LAST))
    # 7,919 is a prime, so each combination occurs once before the first one repeats.
    last, first = divmod(index * 7919 % (len(FIRST) * len(LAST)), len(FIRST))
    return f"{FIRST[first]} {LAST[last]}", str(repetition + 1) if repetition else ""


def _roles(random: Random) -> tuple[str, ...]:
    """Mostly one to four roles, sometimes none or many; 1% of the users have a nonexistent one."""
    count = random.choices((0, 1, 2, 3, 4, 12), (2, 30, 35, 20, 11, 2))[0]
    roles = random.sample(ROLES, count)
    if random.random() < 0.01:
        roles.append(random.choice(NONEXISTENT_ROLES))
    return tuple(roles)
