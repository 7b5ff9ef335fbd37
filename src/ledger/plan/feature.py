"""A feature is something a plan can include: a switch, seats, or metered usage."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal

from ledger.plan.conversion import Conversion
from ledger.plan.expression import check_expression
from ledger.plan.naming import check_key, check_metadata, check_name, check_own_key, check_text
from ledger.types import ids
from ledger.types.errors import Conflict, Invalid
from ledger.types.ids import FeatureId

FeatureKind = Literal["boolean", "licensed", "metered"]
Aggregation = Literal["count", "sum", "max", "last", "unique", "weighted_sum"]
LevelMode = Literal["set", "change"]
Per = Literal["second", "hour", "day"]
FeatureStatus = Literal["active", "archived"]

KINDS: tuple[FeatureKind, ...] = ("boolean", "licensed", "metered")
AGGREGATIONS: tuple[Aggregation, ...] = ("count", "sum", "max", "last", "unique", "weighted_sum")
LEVEL_MODES: tuple[LevelMode, ...] = ("set", "change")
PERS: tuple[Per, ...] = ("second", "hour", "day")
DIMENSIONS_MAX = 8
FILTERS_MAX = 20
UNIT_MAX = 64
PROPERTY_MAX = 128
FILTER_VALUE_MAX = 255


@dataclass(frozen=True, slots=True)
class Meter:
    """How usage events become a quantity.

    `event` is the name of the events read; `aggregation` how their values add up (SEMANTICS §6):
    `count`, `sum`, `max`, `last`, `unique` (how many different values), `weighted_sum` (a level
    weighted by time). `property` is the event property that holds the value (the event's quantity
    when None), `expression` computes it from several, exactly: `"input_tokens + 4 * output_tokens"`
    (see `ledger.plan.expression`). `where` are the property values an event must have to count;
    `dimensions` the properties that usage can be grouped by without reading raw events.

    Of a weighted sum an event sets the `level`, or changes it by its value (`"change"`). It comes
    to the average over the period, or, `per` second, hour or day, to the level times the time.

    Raises:
        Invalid: no such aggregation, level or per (`unknown_aggregation`, `unknown_level`), a level
            of what is no weighted sum (`level_without_weight`), a count of a property
            (`count_reads_no_property`), a property and an expression (`property_and_expression`),
            an expression that is none (`bad_expression`), too many filters or dimensions
            (`meter_too_large`), or a name that is none (`bad_key`, `bad_text`).
    """

    event: str
    aggregation: Aggregation = "sum"
    property: str | None = None
    where: dict[str, str] = field(default_factory=dict[str, str])
    dimensions: tuple[str, ...] = ()
    expression: str | None = None
    level: LevelMode = "set"
    per: Per | None = None

    def __post_init__(self) -> None:
        check_key(self.event, "meter.event")
        if self.aggregation not in AGGREGATIONS:
            raise Invalid(
                f"an aggregation is one of {', '.join(AGGREGATIONS)}, not {self.aggregation!r}",
                code="unknown_aggregation",
                param="meter.aggregation",
            )
        self._check_value()
        self._check_level()
        object.__setattr__(self, "dimensions", tuple(self.dimensions))  # a list is welcome
        self._check_names()

    def _check_value(self) -> None:
        is_given = self.property is not None or self.expression is not None
        if self.aggregation == "count" and is_given:
            raise Invalid(
                "a count counts events and reads no property; a sum adds a property up",
                code="count_reads_no_property",
                param="meter.property",
            )
        if self.property is not None and self.expression is not None:
            raise Invalid(
                f"the value is the property {self.property!r} or that of an expression, not both",
                code="property_and_expression",
                param="meter.expression",
            )
        if self.expression is not None:
            check_expression(self.expression, "meter.expression")

    def _check_level(self) -> None:
        if self.level not in LEVEL_MODES or self.per not in (None, *PERS):
            raise Invalid(
                f"a level is {' or '.join(LEVEL_MODES)}, per {', '.join(PERS)} or None, not"
                f" {self.level!r} per {self.per!r}",
                code="unknown_level",
                param="meter.level",
            )
        if self.aggregation != "weighted_sum" and (self.level, self.per) != ("set", None):
            raise Invalid(
                f"only a weighted_sum has a level and a per, and this is a {self.aggregation}",
                code="level_without_weight",
                param="meter.aggregation",
            )

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
    events of its own key. `unit` names one of it ("call", "token") on invoices. With a `conversion`
    prices are for the converted total; usage, limits and checks stay in the metered unit.

    Raises:
        Invalid: no such kind (`unknown_feature_kind`), a meter or conversion on a feature that is
            not metered (`meter_on_unmetered_feature`, `conversion_on_unmetered_feature`), or a key
            or text that is none (`bad_key`, `bad_text`, `bad_metadata`).
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
    conversion: Conversion | None = None

    def __init__(
        self,
        key: str,
        kind: FeatureKind,
        meter: Meter | None = None,
        unit: str = "unit",
        name: str = "",
        metadata: dict[str, str] | None = None,
        conversion: Conversion | None = None,
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
        if conversion is not None and kind != "metered":
            raise Invalid(
                f"feature {key!r} is {kind}; only what is metered is converted to be priced",
                code="conversion_on_unmetered_feature",
                param="conversion",
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
        put(self, "conversion", conversion)

    @property
    def is_average(self) -> bool:
        """Whether usage is the average of a level, which is over a period and no longer than it."""
        meter = self.meter
        return meter is not None and meter.aggregation == "weighted_sum" and meter.per is None

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
