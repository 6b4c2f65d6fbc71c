"""How SQLAlchemy's types come and go here."""

import decimal
from typing import Any, Callable, Dict, Optional

from sqlalchemy.dialects.postgresql import ARRAY, base, json, ranges
from sqlalchemy.engine.processors import to_decimal_processor_factory, to_float
from sqlalchemy.sql import sqltypes

from .types import Multirange, Range

Processor = Optional[Callable[[Any], Any]]

_FLOATS, _NUMERIC = (700, 701, 1021, 1022), (1700, 1231)


# A parameter is sent with the type that its value has in Python, if any: statements say the rest.
class String(sqltypes.String):
    render_bind_cast = True


class RegConfig(base.REGCONFIG):
    render_bind_cast = True


class Interval(base.INTERVAL):
    render_bind_cast = True


class Date(sqltypes.Date):
    render_bind_cast = True


class DateTime(sqltypes.DateTime):
    render_bind_cast = True


class Time(sqltypes.Time):
    render_bind_cast = True


class Integer(sqltypes.Integer):
    render_bind_cast = True


class SmallInteger(sqltypes.SmallInteger):
    render_bind_cast = True


class BigInteger(sqltypes.BigInteger):
    render_bind_cast = True


class Array(ARRAY[Any]):
    render_bind_cast = True


class JsonIntIndex(sqltypes.JSON.JSONIntIndexType):
    __visit_name__ = "json_int_index"
    render_bind_cast = True


class JsonStrIndex(sqltypes.JSON.JSONStrIndexType):
    __visit_name__ = "json_str_index"
    render_bind_cast = True


# The connection has made values of it already, by the engine's deserializer if it has one.
class Json(json.JSON):
    def result_processor(self, dialect: Any, coltype: Any) -> Processor:
        return None


class Jsonb(json.JSONB):
    def result_processor(self, dialect: Any, coltype: Any) -> Processor:
        return None


class _Number:
    """numeric comes as Decimal, float8 as float: made the other, where that is wanted."""

    asdecimal: bool
    _effective_decimal_return_scale: int

    def bind_processor(self, dialect: Any) -> Processor:
        return None

    def result_processor(self, dialect: Any, coltype: Any) -> Processor:
        if self.asdecimal and coltype in _FLOATS:
            scale = self._effective_decimal_return_scale
            return to_decimal_processor_factory(decimal.Decimal, scale)
        return None if self.asdecimal or coltype in _FLOATS else to_float


class Numeric(_Number, sqltypes.Numeric):  # type: ignore[type-arg]
    pass


class Float(_Number, sqltypes.Float):  # type: ignore[type-arg]
    pass


def _sent(value: Any) -> Any:
    if isinstance(value, ranges.Range):
        return Range(value.lower, value.upper, value.bounds, value.empty)
    return value


def _come(value: Any) -> Any:
    return ranges.Range(value.lower, value.upper, bounds=value.bounds, empty=value.empty)


class SingleRange(ranges.AbstractSingleRangeImpl[Any]):
    def bind_processor(self, dialect: Any) -> Processor:
        return _sent

    def result_processor(self, dialect: Any, coltype: Any) -> Processor:
        return lambda value: None if value is None else _come(value)


class SeveralRanges(ranges.AbstractMultiRangeImpl[Any]):
    def bind_processor(self, dialect: Any) -> Processor:
        def sent(value: Any) -> Any:
            if value is None or isinstance(value, str):
                return value
            return Multirange(map(_sent, value))

        return sent

    def result_processor(self, dialect: Any, coltype: Any) -> Processor:
        def come(value: Any) -> Any:
            return None if value is None else ranges.MultiRange(map(_come, value))

        return come


COLSPECS: Dict[Any, Any] = {
    sqltypes.String: String,
    base.REGCONFIG: RegConfig,
    json.JSON: Json,
    sqltypes.JSON: Json,
    json.JSONB: Jsonb,
    sqltypes.JSON.JSONPathType: json.JSONPathType,
    sqltypes.JSON.JSONIntIndexType: JsonIntIndex,
    sqltypes.JSON.JSONStrIndexType: JsonStrIndex,
    sqltypes.Interval: Interval,
    base.INTERVAL: Interval,
    sqltypes.Date: Date,
    sqltypes.DateTime: DateTime,
    sqltypes.Time: Time,
    sqltypes.Integer: Integer,
    sqltypes.SmallInteger: SmallInteger,
    sqltypes.BigInteger: BigInteger,
    sqltypes.Numeric: Numeric,
    sqltypes.Float: Float,
    sqltypes.ARRAY: Array,
    ranges.AbstractSingleRange: SingleRange,
    ranges.AbstractMultiRange: SeveralRanges,
}
