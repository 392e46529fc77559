"""Code objects in pickles: whole, with their file and lines, and never run by a Python that did not compile them.

Knows no functions. Light: worker processes import it.
"""

from __future__ import annotations

import marshal
import sys
from types import CodeType
from typing import Any

__all__ = ["COMPILER", "code_of", "reduced_code"]

COMPILER = sys.implementation.cache_tag or f"{sys.implementation.name}-{sys.version_info.major}{sys.version_info.minor}"
_REPEATABLE = 2
"""The newest form of marshal that writes equal bytes for equal code, whoever else refers to its constants."""


def reduced_code(code: CodeType) -> tuple[Any, ...]:
    """What a pickler's `reducer_override` answers for a code object: `code_of` and its arguments.

    By marshal, which Python's own `.pyc` files are written with, so that nothing of it gets lost on the way.
    """
    try:
        data = marshal.dumps(code, _REPEATABLE)
    except ValueError:  # a constant that only a newer form knows
        data = marshal.dumps(code)
    return code_of, (COMPILER, data, code.co_qualname, len(code.co_freevars))


def code_of(compiler: str, data: bytes, name: str, free_count: int) -> CodeType:
    """The code object. Named in stored pickles.

    Of another version of Python it cannot run here. Then it is code with as many free variables that raises
    RuntimeError when it is called, so that objects whose classes have such methods can be read all the same.

    Raises:
        ValueError, EOFError, TypeError: the bytes are damaged.
    """
    if compiler == COMPILER:
        return marshal.loads(data)  # type: ignore[no-any-return]  # noqa: S302 - of a pickle, trusted or not as a whole
    return _stand_in(f"{name} was compiled by {compiler}, and this is {COMPILER}: it cannot be called here", free_count)


def _stand_in(text: str, free_count: int) -> CodeType:
    cells = "".join(f"c{number}, " for number in range(free_count))
    source = (
        f"def outer({cells}):\n"
        "    def stand_in(*args, **kwargs):\n"
        f"        raise RuntimeError({text!r})\n"
        f"        ({cells})\n"
    )
    code = compile(source, "<code of another Python>", "exec", dont_inherit=True)
    while code.co_name != "stand_in":
        code = next(constant for constant in code.co_consts if isinstance(constant, CodeType))
    return code
