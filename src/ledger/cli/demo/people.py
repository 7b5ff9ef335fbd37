"""The customers of the demo: who they are, what they have, and since when. Pure."""

from typing import NamedTuple


class Person(NamedTuple):
    """A customer. Days count from the first of the year: `day` is that of the sign-up.

    `weight` is the share of the usage, `trial_days` another trial than the plan's.
    """

    slug: str
    name: str
    city: str
    country: str
    zone: str
    plan: str
    day: int
    weight: int
    seats: int = 0
    last_day: int | None = None
    trial_days: int | None = None


RUNS_OUT = "bluebird"
SHOWN = "kestrel"

PEOPLE = (
    Person(
        "kestrel",
        "Kestrel Analytics",
        "Boston",
        "US",
        "America/New_York",
        "pro",
        0,
        90,
        trial_days=0,
    ),
    Person("bluebird", "Bluebird Notes", "Lisbon", "PT", "Europe/Lisbon", "free", 0, 8),
    Person(
        "harbor", "Harbor Freight Desk", "Rotterdam", "NL", "Europe/Amsterdam", "scale", 0, 240, 12
    ),
    Person("monsoon", "Monsoon Translate", "Mumbai", "IN", "Asia/Kolkata", "annual", 0, 320),
    Person("alder", "Alder Legal", "London", "GB", "Europe/London", "pro", 0, 40),
    Person("pinewood", "Pinewood Radio", "Seattle", "US", "America/Los_Angeles", "pro", 3, 55),
    Person("sakura", "Sakura Tutors", "Osaka", "JP", "Asia/Tokyo", "scale", 5, 210, 8),
    Person("tinker", "Tinker Toys Club", "Leeds", "GB", "Europe/London", "free", 6, 5),
    Person("juniper", "Juniper Health", "Denver", "US", "America/Denver", "pro", 9, 70),
    Person("everest", "Everest Guides", "Kathmandu", "NP", "Asia/Kathmandu", "pro", 12, 25),
    Person("papaya", "Papaya Kitchen", "São Paulo", "BR", "America/Sao_Paulo", "free", 15, 7),
    Person("nimbus", "Nimbus Weather", "Berlin", "DE", "Europe/Berlin", "scale", 16, 180, 5),
    Person("marlin", "Marlin Sports", "Auckland", "NZ", "Pacific/Auckland", "pro", 20, 35),
    Person("quill", "Quill & Page", "Dublin", "IE", "Europe/Dublin", "free", 24, 6),
    Person("cobalt", "Cobalt Motors", "Stuttgart", "DE", "Europe/Berlin", "annual", 27, 280),
    Person("monthend", "Month End Books", "Chicago", "US", "America/Chicago", "pro", 30, 45),
    Person("saffron", "Saffron Travel", "Tehran", "IR", "Asia/Tehran", "free", 33, 4),
    Person("lumen", "Lumen Optics", "Zürich", "CH", "Europe/Zurich", "pro", 45, 30),
    Person("outback", "Outback Solar", "Adelaide", "AU", "Australia/Adelaide", "pro", 58, 50),
    Person("fjord", "Fjord Ferries", "Bergen", "NO", "Europe/Oslo", "free", 60, 5),
    Person("mesa", "Mesa Robotics", "Phoenix", "US", "America/Phoenix", "scale", 66, 260, 20),
    Person("opal", "Opal Insurance", "Sydney", "AU", "Australia/Sydney", "pro", 74, 60),
    Person("lagoon", "Lagoon Diving", "Honolulu", "US", "Pacific/Honolulu", "free", 80, 3),
    Person("cedar", "Cedar Books", "Beirut", "LB", "Asia/Beirut", "pro", 88, 20, 0, 250),
    Person("atlas", "Atlas Maps", "Casablanca", "MA", "Africa/Casablanca", "pro", 97, 32),
    Person("puffin", "Puffin Post", "St. John's", "CA", "America/St_Johns", "free", 104, 6),
    Person("orchid", "Orchid Beauty", "Singapore", "SG", "Asia/Singapore", "scale", 119, 150, 6),
    Person("savanna", "Savanna Safaris", "Nairobi", "KE", "Africa/Nairobi", "free", 131, 5),
    Person("glacier", "Glacier Water", "Reykjavík", "IS", "Atlantic/Reykjavik", "pro", 145, 28),
    Person("cactus", "Cactus Studio", "Mexico City", "MX", "America/Mexico_City", "free", 160, 6),
    Person("meridian", "Meridian Clinics", "Madrid", "ES", "Europe/Madrid", "pro", 180, 44),
    Person("lantern", "Lantern Games", "Taipei", "TW", "Asia/Taipei", "scale", 195, 200, 9),
    Person("willow", "Willow Gardens", "Bristol", "GB", "Europe/London", "free", 211, 4),
    Person("summit", "Summit Sports", "Vancouver", "CA", "America/Vancouver", "pro", 226, 38),
    Person("delta", "Delta Rice", "Can Tho", "VN", "Asia/Ho_Chi_Minh", "free", 240, 5),
    Person("aurora", "Aurora Energy", "Helsinki", "FI", "Europe/Helsinki", "pro", 262, 52),
)
