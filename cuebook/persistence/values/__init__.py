"""The value codec: results, arguments and checkpoint states as bytes and back, types and values unchanged.

Knows neither calls nor records. The forms of the types are in the modules beside this one.
"""

from __future__ import annotations

from cuebook.persistence.values.decoder import ValueDecoder
from cuebook.persistence.values.encoder import ValueEncoder
from cuebook.persistence.values.placeholders import Opaque, Unresolved, UnresolvedException

__all__ = ["SCALARS", "Opaque", "Unresolved", "UnresolvedException", "ValueDecoder", "ValueEncoder"]

SCALARS = frozenset({type(None), bool, float})
"""Types whose every value is kept by a bare `new_packer().pack(value)`: a hot loop may skip the encoder."""
