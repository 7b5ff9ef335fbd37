"""The company of the demo: what Tidewater AI sells. All amounts are in cents of USD. Pure."""

from ledger import Feature, Limit, Meter, Plan, Price, Tier
from ledger.types.money import USD

NAME = "Tidewater AI"
ADDRESS = f"{NAME}\n12 Lighthouse Road, Portland, ME 04101, US\nbilling@tidewater.example"
CURRENCY = "USD"
FREE_REQUESTS = 250

FEATURES = (
    Feature(
        "requests", "metered", Meter("llm.request", "count"), unit="request", name="API requests"
    ),
    Feature(
        "input_tokens",
        "metered",
        Meter("llm.request", "sum", property="input_tokens"),
        unit="token",
        name="Input tokens",
    ),
    Feature(
        "output_tokens",
        "metered",
        Meter("llm.request", "sum", property="output_tokens"),
        unit="token",
        name="Output tokens",
    ),
    Feature("images", "metered", Meter("image.generated"), unit="image", name="Images"),
    Feature("storage", "metered", Meter("storage.level", "max"), unit="GB", name="Vector storage"),
    Feature("seats", "licensed", unit="seat", name="Seats"),
    Feature("priority_support", "boolean", name="Priority support"),
)

FREE = Plan(
    "free",
    "Free",
    "USD",
    description="To try it out: some requests a month, and then no more.",
    entitlements={
        "requests": Limit(FREE_REQUESTS),
        "input_tokens": True,
        "output_tokens": True,
    },
)

PRO = Plan(
    "pro",
    "Pro",
    "USD",
    description="For products: a monthly fee, tokens by the tier.",
    prices=[
        Price.flat(USD(49_00)),
        Price.graduated(
            "input_tokens",
            [
                Tier(up_to=500_000, unit=0),
                Tier(up_to=2_000_000, unit="0.0003"),
                Tier(unit="0.0002"),
            ],
        ),
        Price.per_unit("output_tokens", "0.0015", included=25_000),
        Price.package("images", USD(4_00), 100),
    ],
    entitlements={"requests": Limit(50_000, enforcement="soft"), "images": Limit(2_000)},
    trial_days=14,
)

SCALE = Plan(
    "scale",
    "Scale",
    "USD",
    description="For companies: seats, and all tokens at the price of the volume.",
    prices=[
        Price.flat(USD(499_00)),
        Price.per_unit("seats", 20_00),
        Price.volume(
            "input_tokens",
            [
                Tier(up_to=5_000_000, unit="0.00025"),
                Tier(up_to=20_000_000, unit="0.0002"),
                Tier(unit="0.00015"),
            ],
        ),
        Price.per_unit("output_tokens", "0.0012"),
        Price.package("images", USD(15_00), 500),
        Price.stairstep(
            "storage",
            [Tier(up_to=50, flat=29_00), Tier(up_to=250, flat=99_00), Tier(flat=399_00)],
        ),
    ],
    entitlements={"requests": True, "priority_support": True},
)

ANNUAL = Plan(
    "annual",
    "Scale, a year ahead",
    "USD",
    interval="year",
    description="The fee once a year, the usage every month.",
    prices=[
        Price.flat(USD(4_990_00)),
        Price.graduated(
            "input_tokens",
            [Tier(up_to=10_000_000, unit="0.0002"), Tier(unit="0.00012")],
            interval="month",
        ),
        Price.per_unit("output_tokens", "0.001", interval="month"),
        Price.package("images", USD(12_00), 500, interval="month"),
    ],
    entitlements={"requests": True, "priority_support": True},
)

PLANS = (FREE, PRO, SCALE, ANNUAL)
