"""A feature is something a plan can include: a switch, seats, or metered usage."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal

from ledger.plan.naming import check_key, check_metadata, check_name, check_own_key, check_text
from ledger.types import ids
from ledger.types.errors import Conflict, Invalid
from ledger.types.ids import FeatureId

FeatureKind = Literal["boolean", "licensed", "metered"]
Aggregation = Literal["count", "sum", "max", "last"]
FeatureStatus = Literal["active", "archived"]

KINDS: tuple[FeatureKind, ...] = ("boolean", "licensed", "metered")
AGGREGATIONS: tuple[Aggregation, ...] = ("count", "sum", "max", "last")
DIMENSIONS_MAX = 8
FILTERS_MAX = 20
UNIT_MAX = 64
PROPERTY_MAX = 128
FILTER_VALUE_MAX = 255


@dataclass(frozen=True, slots=True)
class Meter:
    """How usage events become a quantity.

    `event` is the name of the events read; `aggregation` how their values add up; `property` the
    event property that holds the value (the event's quantity when None); `where` the property
    values an event must have to count; `dimensions` the properties that usage can be grouped by
    without reading raw events.

    Raises:
        Invalid: no such aggregation (`unknown_aggregation`), a count of a property
            (`count_reads_no_property`), too many filters or dimensions (`meter_too_large`), or a
            name that is none (`bad_key`, `bad_text`).
    """

    event: str
    aggregation: Aggregation = "sum"
    property: str | None = None
    where: dict[str, str] = field(default_factory=dict[str, str])
    dimensions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_key(self.event, "meter.event")
        if self.aggregation not in AGGREGATIONS:
            raise Invalid(
                f"an aggregation is one of {', '.join(AGGREGATIONS)}, not {self.aggregation!r}",
                code="unknown_aggregation",
                param="meter.aggregation",
            )
        if self.aggregation == "count" and self.property is not None:
            raise Invalid(
                "a count counts events and reads no property; a sum adds a property up",
                code="count_reads_no_property",
                param="meter.property",
            )
        object.__setattr__(self, "dimensions", tuple(self.dimensions))  # a list is welcome
        self._check_names()

    def _check_names(self) -> None:
        if len(self.dimensions) > DIMENSIONS_MAX or len(self.where) > FILTERS_MAX:
            raise Invalid(
                f"a meter has at most {DIMENSIONS_MAX} dimensions and {FILTERS_MAX} filters",
                code="meter_too_large",
                param="meter",
            )
        if self.property is not None:
            check_name(check_text(self.property, "meter.property", PROPERTY_MAX), "meter.property")
        for index, name in enumerate(self.dimensions):
            check_text(name, f"meter.dimensions[{index}]", PROPERTY_MAX)
        for name, value in self.where.items():
            check_text(name, "meter.where", PROPERTY_MAX)
            check_text(value, f"meter.where[{name}]", FILTER_VALUE_MAX)


@dataclass(frozen=True, slots=True, init=False)
class Feature:
    """Something a plan can include. `kind` decides how it is checked and priced.

    boolean: on or off · licensed: a quantity on the subscription, such as seats · metered: usage
    events add up to a quantity. A metered feature without a `meter` sums the quantity of the
    events of its own key. `unit` names one of it ("call", "token") on invoices.

    Raises:
        Invalid: no such kind (`unknown_feature_kind`), a meter on a feature that is not metered
            (`meter_on_unmetered_feature`), or a key or text that is none (`bad_key`, `bad_text`,
            `bad_metadata`).
    """

    id: FeatureId
    key: str
    kind: FeatureKind
    name: str
    unit: str
    meter: Meter | None = None
    status: FeatureStatus = "active"
    metadata: dict[str, str] = field(default_factory=dict[str, str])
    created_at: datetime | None = None

    def __init__(
        self,
        key: str,
        kind: FeatureKind,
        meter: Meter | None = None,
        unit: str = "unit",
        name: str = "",
        metadata: dict[str, str] | None = None,
        *,
        id: FeatureId | None = None,
        status: FeatureStatus = "active",
        created_at: datetime | None = None,
    ) -> None:
        if kind not in KINDS:
            raise Invalid(
                f"a feature is one of {', '.join(KINDS)}, not {kind!r}",
                code="unknown_feature_kind",
                param="kind",
            )
        if meter is not None and kind != "metered":
            raise Invalid(
                f"feature {key!r} is {kind}; only a metered feature has a meter",
                code="meter_on_unmetered_feature",
                param="meter",
            )
        put = object.__setattr__
        put(self, "id", id or ids.FEATURE.new())
        put(self, "key", check_own_key(key))
        put(self, "kind", kind)
        put(self, "meter", meter or (Meter(event=key) if kind == "metered" else None))
        put(self, "unit", check_text(unit, "unit", UNIT_MAX))
        put(self, "name", check_name(name or key.replace("_", " ")))
        put(self, "metadata", check_metadata(metadata))
        put(self, "status", status)
        put(self, "created_at", created_at)

    def archived(self) -> "Feature":
        """The feature, closed for new plan versions; plans that have it keep it.

        Raises:
            Conflict: (`feature_archived`) it is archived already.
        """
        if self.status == "archived":
            raise Conflict(
                f"feature {self.key!r} is already archived",
                code="feature_archived",
                feature=self.key,
            )
        return replace(self, status="archived")
