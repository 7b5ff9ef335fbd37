"""Operations of two slices in one transaction: a lower slice never calls up, so it is done here."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

from ledger.engine.ports import Work

P = ParamSpec("P")
R = TypeVar("R")


def then(
    operation: Callable[Concatenate[Work, P], R], *follow_ups: Callable[[Work, R], object]
) -> Callable[Concatenate[Work, P], R]:
    """`operation`, then what follows from its result, in the same transaction."""

    @wraps(operation)
    def both(work: Work, /, *args: P.args, **kwargs: P.kwargs) -> R:
        result = operation(work, *args, **kwargs)
        for follow_up in follow_ups:
            follow_up(work, result)
        return result

    return both
