"""Types of Python that stand for some of PostgreSQL, and PEP 249's type objects."""

from dataclasses import dataclass
from typing import Any, Generic, List, Optional, TypeVar

T = TypeVar("T")


class Json:
    """A value to be sent as json."""

    def __init__(self, value: Any) -> None:
        self.value = value


class Jsonb(Json):
    """A value to be sent as jsonb."""


@dataclass(frozen=True)
class Range(Generic[T]):
    """None: no bound on that side. `bounds`: "[)", "[]", "()" or "(]", as PostgreSQL has it."""

    lower: Optional[T] = None
    upper: Optional[T] = None
    bounds: str = "[)"
    empty: bool = False

    def __post_init__(self) -> None:
        if self.bounds not in ("[)", "[]", "()", "(]"):
            raise ValueError(f"bounds are [ or ( and ) or ], not {self.bounds!r}")
        # As the server writes it: where there is no bound, it is not part of the range.
        low = "(" if self.lower is None else self.bounds[0]
        high = ")" if self.upper is None else self.bounds[1]
        object.__setattr__(self, "bounds", low + high)

    def __contains__(self, value: T) -> bool:
        if self.empty:
            return False
        low: Any = self.lower
        high: Any = self.upper
        if low is not None and (value < low or (value == low and self.bounds[0] == "(")):
            return False
        return high is None or value < high or (value == high and self.bounds[1] == "]")


class Multirange(List[Range[Any]]):
    """Ranges that do not touch, in order."""


class TypeObject:
    """PEP 249: compares equal to the type codes that it stands for."""

    def __init__(self, *oids: int) -> None:
        self.oids = frozenset(oids)

    def __eq__(self, other: object) -> bool:
        return other in self.oids if isinstance(other, int) else self is other

    __hash__ = None  # type: ignore[assignment]


STRING = TypeObject(18, 19, 25, 1042, 1043)
BINARY = TypeObject(17)
NUMBER = TypeObject(20, 21, 23, 700, 701, 1700)
DATETIME = TypeObject(1082, 1083, 1114, 1184, 1186, 1266)
ROWID = TypeObject(26)
