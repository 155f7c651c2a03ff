"""Invented people and shops. Data only."""

_FIRST = """
Ada Aiko Aisha Alba Amara Anders Anja Anton Beatriz Bela Carla Cem Chiara Clara Daniel Dilan Elif Emil Enzo Erik
Fatima Finn Freya Giulia Greta Hana Hannah Haruto Ida Ines Ivan Jana Jonas Jules Kaito Karin Kofi Lea Leila Liam
Linnea Luca Malik Marta Mateo Mila Mina Nadia Noah Nora Olga Omar Paula Pavel Rosa Sakura Selma Sofia Theo Tomas Vera
Viktor Yara Yusuf Zoe
"""
_LAST = """
Abe Adler Almeida Andersson Baker Bauer Becker Berg Bianchi Brandt Brown Carter Castro Cohen Costa Dahl Demir Dubois
Dupont Eriksen Evans Falk Farah Fischer Fontaine Garcia Graf Greco Haas Hansen Harris Hartmann Hoffmann Holm Huber Ito
Jansen Johansson Kaya Keller Khan Klein Koch Kowalski Kruger Lang Larsen Leroy Lindqvist Lopez Lund Maier Marino
Martin Mendes Meyer Miller Mori Morel Moser Mueller Nagy Nakamura Neumann Nielsen Novak Okafor Olsen Ortega Park Patel
Pereira Petrov Pfeiffer Popov Ricci Richter Roth Rossi Sato Schmid Schulz Silva Simon Sommer Stein Suzuki Takeda
Tanaka Torres Usman Vogel Wagner Walker Weber Werner Wilson Winter Wolf Wong Yamada Yilmaz Young Ziegler Zimmermann
"""
FIRST_NAMES = tuple(_FIRST.split())
LAST_NAMES = tuple(_LAST.split())
SHOPS = (
    "Alpenglow Reisen",
    "Baltic Breeze",
    "Compass Rose Travel",
    "Delta Day Trips",
    "Evergreen Outings",
    "Fjord & Forest",
    "Golden Hour Tours",
    "Harborlight",
    "Island Hopper",
    "Juniper Journeys",
    "Kestrel Holidays",
    "Lantern Lane",
)
# What a till writes about what it took.
NOTES = ("Paid at the kiosk", "Paid by terminal at the pier", "Paid in cash at check-in", "Bank transfer received")
