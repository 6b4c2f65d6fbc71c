"""PEP 249's exceptions, chosen by SQLSTATE."""

from typing import Dict, Optional

from . import _native


class Warning(Exception):  # noqa: A001 - PEP 249 names it so
    pass


class Error(Exception):
    """`sqlstate`, and what else the server said: `detail`, `hint`, `position`, `constraint`, ..."""

    sqlstate: Optional[str] = None
    fields: Dict[str, str] = {}

    @property
    def detail(self) -> Optional[str]:
        return self.fields.get("D")

    @property
    def hint(self) -> Optional[str]:
        return self.fields.get("H")

    @property
    def position(self) -> Optional[int]:
        return int(self.fields["P"]) if "P" in self.fields else None

    @property
    def constraint(self) -> Optional[str]:
        return self.fields.get("n")


class InterfaceError(Error):
    pass


class DatabaseError(Error):
    pass


class DataError(DatabaseError):
    pass


class OperationalError(DatabaseError):
    pass


class IntegrityError(DatabaseError):
    pass


class InternalError(DatabaseError):
    pass


class ProgrammingError(DatabaseError):
    pass


class NotSupportedError(DatabaseError):
    pass


class QueryCanceled(OperationalError):
    pass


class SerializationFailure(OperationalError):
    """The transaction may be run again."""


_BY_STATE = {
    "57014": QueryCanceled,
    "40001": SerializationFailure,
    "40P01": SerializationFailure,
}
_BY_CLASS = {
    "08": OperationalError,
    "0A": NotSupportedError,
    "20": ProgrammingError,
    "21": ProgrammingError,
    "22": DataError,
    "23": IntegrityError,
    "24": InternalError,
    "25": InternalError,
    "26": ProgrammingError,
    "27": OperationalError,
    "28": OperationalError,
    "2B": InternalError,
    "2D": InternalError,
    "2F": InternalError,
    "34": OperationalError,
    "38": InternalError,
    "39": InternalError,
    "3B": InternalError,
    "3D": ProgrammingError,
    "3F": ProgrammingError,
    "40": OperationalError,
    "42": ProgrammingError,
    "44": ProgrammingError,
    "53": OperationalError,
    "54": OperationalError,
    "55": OperationalError,
    "57": OperationalError,
    "58": OperationalError,
    "F0": InternalError,
    "P0": InternalError,
    "XX": InternalError,
}
# heim_status: what is wrong where there is no SQLSTATE.
_BY_STATUS = {-1: ProgrammingError, -5: InterfaceError, -9: OperationalError, -10: DataError}


def make_error(status: int, sqlstate: str, message: str, fields: Dict[str, str]) -> Error:
    kind = _BY_STATE.get(sqlstate) or _BY_CLASS.get(sqlstate[:2])
    error = (kind or _BY_STATUS.get(status, OperationalError))(message)
    error.sqlstate = sqlstate or None
    error.fields = fields
    return error


_native.set_error_maker(make_error)
