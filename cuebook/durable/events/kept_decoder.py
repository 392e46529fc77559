"""Reads events and states of classes that have changed since they were kept. Knows no actor."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from cuebook.persistence.blobs.port import BlobSource
from cuebook.persistence.values import ValueDecoder

__all__ = ["KeptDecoder"]


class KeptDecoder(ValueDecoder):
    """A decoder for whose values a class may have grown: fields that are new have their defaults.

    Parameters:
        trusted, blobs: as for ValueDecoder.
        upcasters: functions from the fields of an object whose class is gone, or has other fields, to what stands in
            its place; by the class's name, with or without its module.
    """

    def __init__(
        self, *, trusted: bool, blobs: BlobSource | None, upcasters: Mapping[str, Callable[[dict[str, Any]], Any]]
    ) -> None:
        super().__init__(trusted=trusted, blobs=blobs)
        self._kept_in = blobs
        self._upcasters = upcasters

    def with_upcasters(self, upcasters: Mapping[str, Callable[[dict[str, Any]], Any]]) -> KeptDecoder:
        """Another one, with these."""
        return KeptDecoder(trusted=self.trusted, blobs=self._kept_in, upcasters=upcasters)

    def defaults(self, cls: type, missing: Iterable[str]) -> dict[str, Any] | None:
        """The defaults of these fields of a class; None where one has none, or an upcaster is to say."""
        if self._upcaster(cls.__module__, cls.__qualname__) is not None:
            return None
        given = getattr(cls, "_field_defaults", None)
        if given is not None:
            return {name: given[name] for name in missing} if given.keys() >= set(missing) else None
        import dataclasses  # loaded already, by whoever made the class

        values: dict[str, Any] = {}
        fields = {field.name: field for field in dataclasses.fields(cls)}
        for name in missing:
            field = fields[name]
            if field.default is not dataclasses.MISSING:
                values[name] = field.default
            elif field.default_factory is not dataclasses.MISSING:
                values[name] = field.default_factory()
            else:
                return None
        return values

    def unresolved(self, name: tuple[str, str], fields: dict[str, Any], reason: str) -> Any:
        """What an upcaster makes of it, or else the placeholder."""
        upcaster = self._upcaster(*name)
        return super().unresolved(name, fields, reason) if upcaster is None else upcaster(fields)

    def _upcaster(self, module: str, qualname: str) -> Callable[[dict[str, Any]], Any] | None:
        return self._upcasters.get(f"{module}:{qualname}") or self._upcasters.get(qualname)

    def _twin(self) -> ValueDecoder:
        return self.with_upcasters(self._upcasters)
