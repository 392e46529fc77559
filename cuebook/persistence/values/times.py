"""The forms of dates, times and time zones.

Knows no other type; `datetime` and `zoneinfo` are imported when one of theirs is read.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

from cuebook.persistence.values.codes import Code
from cuebook.persistence.values.placeholders import Opaque, Unresolved
from cuebook.wire.codec import ExtType

if TYPE_CHECKING:
    from cuebook.persistence.values.codes import Decoding, Encoding, Form, Opening

__all__ = ["TIME_FORMS", "TIME_OPENINGS"]


def _date(value: Any, _: Encoding) -> Any:
    return ExtType(Code.DATE, struct.pack("<HBB", value.year, value.month, value.day))


def _open_date(data: bytes, _: Decoding) -> Any:
    from datetime import date

    return date(*struct.unpack("<HBB", data))


def _time(value: Any, encoding: Encoding) -> Any:
    fields = [value.hour, value.minute, value.second, value.microsecond, value.fold, value.tzinfo]
    return ExtType(Code.TIME, encoding.nested(fields))


def _datetime(value: Any, encoding: Encoding) -> Any:
    day = [value.year, value.month, value.day]
    clock = [value.hour, value.minute, value.second, value.microsecond, value.fold, value.tzinfo]
    return ExtType(Code.DATETIME, encoding.nested(day + clock))


def _clock_opening(name: str) -> Opening:
    def opening(data: bytes, decoding: Decoding) -> Any:
        import datetime as dt

        *numbers, fold, zone = decoding.nested(data)
        if type(zone) in {Opaque, Unresolved}:
            fields = {"fields": tuple(numbers), "fold": fold, "tzinfo": zone}
            return decoding.unresolved(("datetime", name), fields, "its time zone cannot be had here")
        return getattr(dt, name)(*numbers, tzinfo=zone, fold=fold)

    return opening


def _timedelta(value: Any, encoding: Encoding) -> Any:
    return ExtType(Code.TIMEDELTA, encoding.bare([value.days, value.seconds, value.microseconds]))


def _open_timedelta(data: bytes, decoding: Decoding) -> Any:
    from datetime import timedelta

    days, seconds, microseconds = decoding.nested(data)
    return timedelta(days, seconds, microseconds)


def _timezone(value: Any, encoding: Encoding) -> Any:
    offset, name = value.utcoffset(None), value.tzname(None)
    made_of = [offset] if name == type(value)(offset).tzname(None) else [offset, name]
    return ExtType(Code.TIMEZONE, encoding.nested(made_of))


def _open_timezone(data: bytes, decoding: Decoding) -> Any:
    from datetime import timezone

    return timezone(*decoding.nested(data))


def _zone_info(value: Any, encoding: Encoding) -> Any:
    if value.key is None:
        return encoding.pickled(value)
    return ExtType(Code.ZONE_INFO, value.key.encode())


def _open_zone_info(data: bytes, decoding: Decoding) -> Any:
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        return ZoneInfo(data.decode())
    except ZoneInfoNotFoundError as error:
        return decoding.unresolved(("zoneinfo", "ZoneInfo"), {"key": data.decode()}, str(error))


TIME_FORMS: dict[str, dict[str, Form]] = {
    "datetime": {
        "date": _date,
        "time": _time,
        "datetime": _datetime,
        "timedelta": _timedelta,
        "timezone": _timezone,
    },
    "zoneinfo": {"ZoneInfo": _zone_info},
}

TIME_OPENINGS: dict[int, Opening] = {
    Code.DATE: _open_date,
    Code.TIME: _clock_opening("time"),
    Code.DATETIME: _clock_opening("datetime"),
    Code.TIMEDELTA: _open_timedelta,
    Code.TIMEZONE: _open_timezone,
    Code.ZONE_INFO: _open_zone_info,
}
