"""The variables of a function's scopes, and where a name that is read lives.

Knows no values. Source of the rules: the language reference, 4.2.2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cuebook.persistence.identity.syntax.access import Chain

__all__ = ["Scope", "place_of"]


class Scope:
    """Variables of a function, class or comprehension.

    Attributes:
        bound: names that it sets anywhere.
        imports: of those, what imports may have put there.
        outer: names that it declares: True for global, False for nonlocal.
    """

    __slots__ = ("bound", "imports", "is_class", "is_comprehension", "outer", "parent")

    def __init__(self, parent: Scope | None, *, is_class: bool = False, is_comprehension: bool = False) -> None:
        self.parent = parent
        self.is_class, self.is_comprehension = is_class, is_comprehension
        self.bound: set[str] = set()
        self.imports: dict[str, list[Chain]] = {}
        self.outer: dict[str, bool] = {}

    def binding(self) -> Scope:
        """The scope in which an assignment expression here sets its name."""
        scope = self
        while scope.is_comprehension and scope.parent is not None:
            scope = scope.parent
        return scope


def place_of(scope: Scope, name: str, owner: str | None, free: frozenset[str]) -> str | list[Chain]:
    """Where a variable that is read in a scope lives, once all scopes are known.

    Args:
        owner: the first parameter of the outermost function.
        free: the variables that it has from the functions around it.

    Returns:
        "local", "owner", "free", "global", "maybe" (global unless the class has set it), or the imports that set it.
    """
    at: Scope | None = scope
    is_unsure = False
    while at is not None:
        if at.is_class and at is not scope:
            pass  # functions in a class do not see its variables
        elif name in at.outer:
            if at.outer[name]:
                return "global"
        elif name in at.bound:
            if not at.is_class:
                is_owner = at.parent is None and name == owner
                return at.imports.get(name) or ("owner" if is_owner else "local")
            is_unsure = True
        at = at.parent
    return "free" if name in free else "maybe" if is_unsure else "global"
