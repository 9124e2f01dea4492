"""Believable users and roles in any number: the same number is always the same person."""

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

ROLES: Final = tuple(f"{place}_{duty}_{region}" for place in DEPARTMENTS for duty in DUTIES for region in REGIONS)
GONE: Final = ("data_warehouse_reader", "old_crm")  # roles that do not exist, as they are left over in every real cluster


@dataclass(frozen=True)
class Someone:
    """One user, in whichever store."""

    username: str
    full_name: str
    email: str
    roles: tuple[str, ...]
    enabled: bool


def someone(number: int) -> Someone:
    """The user of that number, counted from 0; every user name is different."""
    chance = Random(number)  # noqa: S311
    full_name, again = _name(number)
    username = ".".join(full_name.lower().split()) + again
    email = "" if chance.random() < 0.03 else f"{username}@example.{chance.choice(('org', 'com', 'net'))}"
    return Someone(username, full_name if chance.random() < 0.97 else "", email, _roles(chance), chance.random() < 0.95)


def _name(number: int) -> tuple[str, str]:
    """First and last name, neighbours far apart, and what makes the user name different when the names begin again."""
    again, index = divmod(number, len(FIRST) * len(LAST))
    # 7,919 is a prime, so every pair comes once.
    last, first = divmod(index * 7919 % (len(FIRST) * len(LAST)), len(FIRST))
    return f"{FIRST[first]} {LAST[last]}", str(again + 1) if again else ""


def _roles(chance: Random) -> tuple[str, ...]:
    """Mostly one to four, some none, a few many; now and then one that does not exist."""
    count = chance.choices((0, 1, 2, 3, 4, 12), (2, 30, 35, 20, 11, 2))[0]
    roles = chance.sample(ROLES, count)
    if chance.random() < 0.01:
        roles.append(chance.choice(GONE))
    return tuple(roles)
