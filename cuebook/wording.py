"""An exception in words, whatever its class makes of them, and a length of time. Knows no actor.

Classes of users' exceptions have methods of their own, and these fail as anything does.
"""

from __future__ import annotations

__all__ = [
    "TEXT_LENGTH_MAX",
    "clipped",
    "duration",
    "error_text",
    "error_type_name",
    "in_one_line",
    "printable",
    "repr_of",
    "text_of",
]

TEXT_LENGTH_MAX = 1 << 18
"""Characters of an exception's message or traceback that are kept: the beginning and the end."""


_ESCAPES = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160)) if chr(code) not in "\n\t"}
_ESCAPES |= {
    code: f"\\u{code:04x}" for code in (0x061C, 0x200E, 0x200F, *range(0x2028, 0x202F), *range(0x2066, 0x206A))
}
"""Control characters, and what turns the direction of text round or begins a line."""


def printable(text: str) -> str:
    """The text without what would steer a terminal or a page: such characters as escapes, lines and tabs kept.

    >>> printable("\x1b[31mred\\n")
    '\\\\x1b[31mred\\n'
    """
    return text.translate(_ESCAPES).encode("utf-8", "backslashreplace").decode()


def text_of(error: BaseException | None) -> str:
    """`str(error)`, or that there is none. Never raises."""
    try:
        return str(error)
    except Exception:
        return "(its message could not be made)"


def repr_of(error: BaseException | None) -> str:
    """`repr(error)`, or the name of its class. Never raises."""
    try:
        return repr(error)
    except Exception:
        return f"{type(error).__qualname__}(its message could not be made)"


_DURATION_MAX_S = 1e12


def duration(seconds: float) -> str:
    """A length of time, two units at most; a question mark where it is none.

    >>> [duration(0.0042), duration(5.25), duration(75), duration(7384), duration(200000)]
    ['4.2 ms', '5.25 s', '1 min 15 s', '2 h 3 min', '2 d 7 h']
    """
    if not -_DURATION_MAX_S < seconds < _DURATION_MAX_S:  # NaN too
        return "?"
    if seconds < 1:
        return f"{seconds * 1000:.3g} ms"
    if seconds < 60:
        return f"{seconds:.3g} s"
    for size, unit, smaller_size, smaller in ((3600, "min", 1, "s"), (86400, "h", 60, "min")):
        if seconds < size:
            whole = size // 60 if unit == "min" else 3600
            return f"{int(seconds // whole)} {unit} {int(seconds % whole // smaller_size)} {smaller}"
    return f"{int(seconds // 86400)} d {int(seconds % 86400 // 3600)} h"


def error_type_name(error: BaseException) -> str:
    """`ValueError` for a builtin, `package.module.Name` for any other class of exception."""
    cls = type(error)
    return cls.__qualname__ if cls.__module__ in ("builtins", "__main__") else f"{cls.__module__}.{cls.__qualname__}"


def error_text(error: BaseException) -> str:
    """The message of an exception, at most `TEXT_LENGTH_MAX` long; never raises, whatever its class does."""
    return clipped(text_of(error))


def in_one_line(text: str) -> str:
    """A text in one line, with what would steer a terminal as escapes."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def clipped(text: str) -> str:
    """A text with its middle left out where it is longer than a message should be."""
    surplus = len(text) - TEXT_LENGTH_MAX
    if surplus <= 0:
        return text
    half = TEXT_LENGTH_MAX // 2
    return f"{text[:half]}\n[... {surplus:,} characters left out ...]\n{text[-half:]}"
