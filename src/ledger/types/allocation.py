"""Splitting an amount so that no minor unit is lost."""

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from math import lcm

from ledger.types.errors import Invalid, shown
from ledger.types.exact import CONTEXT, decimal_text


def allocate(total: int, weights: Sequence[int | Decimal | Fraction]) -> list[int]:
    """`total` in whole parts, in proportion to `weights`, that add up to `total`.

    Every part gets its floor; the units left over go to the largest remainders, ties to the
    earlier part. A negative total mirrors the positive one. Source: SEMANTICS §1.

    Raises:
        Invalid: a weight is negative or not exact (`bad_weight`), there is nothing to weigh by for
            a total that is not zero (`no_weights`), or the total is no int (`bad_amount`).
    """
    if type(total) is not int:
        raise Invalid(f"a total is a whole number, not {shown(total)}", code="bad_amount")
    if total < 0:
        return [-part for part in allocate(-total, weights)]
    shares = _whole(weights)
    whole = sum(shares)
    if not whole:
        if total:
            raise Invalid(f"{total} cannot be split: all weights are zero", code="no_weights")
        return [0] * len(shares)
    parts = [total * share // whole for share in shares]
    by_remainder = sorted(range(len(shares)), key=lambda i: -(total * shares[i] % whole))
    for i in by_remainder[: total - sum(parts)]:
        parts[i] += 1
    return parts


def _whole(weights: Sequence[int | Decimal | Fraction]) -> list[int]:
    """The weights as whole numbers in the same proportion."""
    ratios = [_ratio(weight) for weight in weights]
    common = lcm(*(denominator for _, denominator in ratios))
    return [numerator * (common // denominator) for numerator, denominator in ratios]


def _ratio(weight: int | Decimal | Fraction) -> tuple[int, int]:
    if isinstance(weight, bool) or not isinstance(weight, int | Decimal | Fraction):
        raise Invalid(
            f"the weight {shown(weight)} is not exact; give an int, a Decimal or a Fraction",
            code="bad_weight",
        )
    if isinstance(weight, Decimal) and not _is_moderate(weight):
        raise Invalid(f"the weight {shown(weight)} is out of range", code="bad_weight")
    if weight < 0:
        raise Invalid(f"the weight {decimal_text(weight)} is negative", code="bad_weight")
    return weight.as_integer_ratio()


def _is_moderate(weight: Decimal) -> bool:
    """Whether the ratio of whole numbers that `weight` is stays small enough to compute with."""
    exponent = weight.as_tuple().exponent
    return isinstance(exponent, int) and abs(exponent) <= CONTEXT.prec
