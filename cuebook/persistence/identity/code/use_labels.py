"""What people know the things as that one function uses: `global args.power`, `closure client of f`.

Knows no digests and no values.
"""

from __future__ import annotations

from typing import Any, NamedTuple

__all__ = ["HOLE", "Receiver", "UseLabels"]

HOLE = "{}"


class Receiver(NamedTuple):
    """The object or class that a method is bound to.

    Attributes:
        value: itself.
        label: what people know it as.
        form: the label of an attribute of it, with a hole for the attribute's name.
    """

    value: Any
    label: str
    form: str


class UseLabels:
    """The labels of one function's uses.

    Args:
        module: prefix of the function's globals; empty for the module that is at home.
        label: of the function.
        receiver: what it is bound to.
    """

    def __init__(self, module: str, label: str, receiver: Receiver | None) -> None:
        self._module, self._label, self._receiver = module, label, receiver

    def of(self, base: str, names: str) -> str:
        """The label of what a chain with this base comes to by these names."""
        if base == "free":
            return f"closure {names} of {self._label}"
        if base in ("owner", "super"):
            receiver = self._receiver
            if receiver is None:
                return f"{names} of {self._label}"
            return receiver.form.replace(HOLE, names) if names else receiver.label
        return f"global {self._module}{names}"

    def receiver(self, base: str, names: str, value: Any) -> Receiver:
        """What is found there, as what a method is bound to."""
        if not names and self._receiver is not None:
            return Receiver(value, self._receiver.label, self._receiver.form)
        return Receiver(value, self.of(base, names), self.of(base, f"{names}.{HOLE}"))

    def class_receiver(self, cls: type) -> Receiver:
        """The class of what is found, as what a class method is bound to."""
        return Receiver(cls, f"class {cls.__qualname__}", f"attribute {cls.__qualname__}.{HOLE}")
