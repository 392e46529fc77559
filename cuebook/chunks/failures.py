"""Failures of calls without secrets: neither what is recorded nor what is raised says one.

Knows no actor.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from cuebook.chunks.identity import Identity
from cuebook.engines.calls.protocol import Failure
from cuebook.persistence.identity.secrets.hiding import Hiding
from cuebook.persistence.values import ValueDecoder, ValueEncoder

__all__ = ["hide_failure"]

_LINKS_MAX = 32


def hide_failure(identity: Identity, failure: Failure, arguments: Any) -> Failure:
    """The failure of a call with its secrets, and those of the function, replaced in text, traceback and exception.

    Args:
        identity: of the function.
        failure: as the worker has told it.
        arguments: of the call.
    """
    hiding = identity.form.keyed(arguments)[1] if identity.form.found else identity.hiding
    text, traceback = hiding.hide(failure.error_text), hiding.hide(failure.traceback)
    exception = failure.exception
    if exception is not None and hiding.is_in(exception):
        exception = _without_secrets(exception, hiding)
    return replace(failure, error_text=text, traceback=traceback, exception=exception)


def _without_secrets(encoded: bytes, hiding: Hiding) -> bytes | None:
    """The exception with its arguments, attributes and notes rewritten; None where a secret stays in it."""
    try:
        error = ValueDecoder().decode(encoded)
        for link in _chain(error):
            link.args = tuple(hiding.hidden_in(part) for part in link.args)
            for name, part in list(vars(link).items()):
                vars(link)[name] = hiding.hidden_in(part)
        rewritten = ValueEncoder().encode(error)
    except Exception:  # whatever the class of the exception does
        return None
    return None if hiding.is_in(rewritten) else rewritten


def _chain(error: BaseException) -> list[BaseException]:
    links = [error]
    while len(links) < _LINKS_MAX:
        following = links[-1].__cause__ or links[-1].__context__
        if following is None or following in links:
            break
        links.append(following)
    return links
