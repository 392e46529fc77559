"""Numpy: arrays by dtype, shape and elements, never by how they lie in memory; random generators by their state."""

from __future__ import annotations

import gc
import sys
import types
from typing import Any

from cuebook.persistence.identity.adapters.seeds import was_given
from cuebook.persistence.identity.digest import DIGEST_BYTES, blake16, joined

__all__ = ["FORMS", "elements"]

_FLAT_KINDS = frozenset("biufcmMSU")
_COSTLY_BYTES = 1 << 14
_PIECE_ITEMS = 1 << 17
_EXTENDED_MANTISSA = 63
_EXTENDED_BYTES = 10


def _array(walk: Any, value: Any) -> bytes:
    """An array of any dtype; a subclass with its own attributes as well; one that refuses writing is another."""
    np = sys.modules["numpy"]
    parts = [elements(walk, np.asarray(value))]
    if type(value) is not np.ndarray:
        parts.append(walk.code(b"T", type(value)))
        if type(value) is not np.memmap:
            parts.append(walk.pairs(b"d", _attributes(value)))
    if not value.flags.writeable:
        parts.append(b"read-only")
    return joined(b"A", parts)


def _attributes(value: Any) -> list[tuple[str, Any]]:
    """The attributes of a subclass: in its dict and in its slots."""
    slots = [name for base in type(value).__mro__ for name in _slots(base) if hasattr(value, name)]
    return [*getattr(value, "__dict__", {}).items(), *((name, getattr(value, name)) for name in slots)]


def _slots(base: type) -> tuple[str, ...]:
    slots = base.__dict__.get("__slots__", ())
    names = (slots,) if isinstance(slots, str) else tuple(slots)
    return tuple(name for name in names if name not in ("__dict__", "__weakref__"))


def elements(walk: Any, array: Any) -> bytes:
    """Dtype, shape and elements in C order; all NaNs are equal. Cost: 1 s a GB."""
    dtype, shape = array.dtype, repr(array.shape).encode()
    walk.is_costly |= array.nbytes > _COSTLY_BYTES
    if dtype.metadata:
        shape += joined(b"metadata", [walk.encode(dict(dtype.metadata))])
    if dtype.names is not None:  # field by field: the padding between them is not part of the value
        fields = [
            joined(b"", [name.encode("utf-8", "surrogatepass"), elements(walk, array[name])]) for name in dtype.names
        ]
        return joined(b"fields", [shape, *fields])
    if dtype.kind in _FLAT_KINDS and not dtype.hasobject:
        return joined(b"flat", [dtype.str.encode(), shape, _digest(array)])
    if dtype.kind == "V" and not dtype.hasobject:
        return joined(b"void", [dtype.str.encode(), shape, blake16(array.tobytes())])
    return joined(b"items", [str(dtype).encode(), shape, walk.encode(array.reshape(-1).tolist())])


def _digest(array: Any) -> bytes:
    np = sys.modules["numpy"]
    flat = np.ascontiguousarray(array).reshape(-1)
    if not flat.nbytes:
        return blake16(b"")
    if flat.dtype.kind in "fc":
        return _digest_of_numbers(flat)
    return blake16(flat.view(np.uint8))


def _digest_of_numbers(flat: Any) -> bytes:
    """Of floats and complex numbers, all NaNs made one; what pads the extended ones is no part of them."""
    np = sys.modules["numpy"]
    parts = flat.view(flat.real.dtype) if flat.dtype.kind == "c" else flat
    if parts.dtype.itemsize > 8:
        parts = _without_nans(parts)
        if np.finfo(parts.dtype).nmant == _EXTENDED_MANTISSA:
            size = parts.dtype.itemsize
            parts = np.ascontiguousarray(parts.view(np.uint8).reshape(-1, size)[:, :_EXTENDED_BYTES])
        return blake16(parts.view(np.uint8))
    if not _has_nan(parts):
        return blake16(parts.view(np.uint8))
    from hashlib import blake2b

    digest = blake2b(digest_size=DIGEST_BYTES)
    for at in range(0, len(parts), _PIECE_ITEMS):
        digest.update(_without_nans(parts[at : at + _PIECE_ITEMS]).view(np.uint8))
    return digest.digest()


def _has_nan(numbers: Any) -> bool:
    np = sys.modules["numpy"]
    if numbers.dtype.itemsize == 2:  # of half floats the bits tell, eight times as fast
        native = numbers if numbers.dtype.isnative else numbers.byteswap().view(numbers.dtype.newbyteorder())
        return bool((native.view(np.uint16) & 0x7FFF).max() > 0x7C00)
    return bool(np.isnan(np.minimum.reduce(numbers)))


def _without_nans(numbers: Any) -> Any:
    np = sys.modules["numpy"]
    found = np.isnan(numbers)
    if found.any():
        numbers = numbers.copy()
        numbers[found] = np.nan
    return numbers


def _scalar(walk: Any, value: Any) -> bytes:
    """A numpy scalar, which differs from the Python number of the same value; NaNs are equal."""
    return joined(b"a", [elements(walk, sys.modules["numpy"].asarray(value))])


def _masked(walk: Any, value: Any) -> bytes:
    """A masked array: what is under the mask is no part of it, nor is how the mask is written."""
    np = sys.modules["numpy"]
    mask = np.ma.getmaskarray(value)
    data = np.array(np.ma.getdata(value), subok=False)
    _blank(data, mask)
    fill = value._fill_value
    fill = np.ma.default_fill_value(value) if fill is None else fill
    held = [(name, part) for name, part in _attributes(value) if name not in _OF_MASKED]
    parts = [elements(walk, data), elements(walk, mask), walk.encode(np.asarray(fill, dtype=value.dtype))]
    parts += [walk.code(b"T", type(value)), bytes([value.hardmask]), walk.pairs(b"d", held)]
    return joined(b"masked", parts)


_OF_MASKED = frozenset(
    {"_mask", "_fill_value", "_hardmask", "_sharedmask", "_isfield", "_baseclass", "_optinfo", "_basedict"}
)


def _blank(data: Any, mask: Any) -> None:
    if data.dtype.names is None:
        data[mask] = sys.modules["numpy"].zeros((), dtype=data.dtype)[()]
        return
    for name in data.dtype.names:
        _blank(data[name], mask[name])


def _ufunc(walk: Any, value: Any) -> bytes:
    """A ufunc by its name where numpy or scipy has it there; one made of a Python function by that function."""
    name = str(value.__name__)
    homes = (sys.modules.get(home) for home in ("numpy", "scipy.special"))
    if any(getattr(home, name, None) is value for home in homes if home is not None):
        return joined(b"ufunc", [name.encode()])
    made_of = [item for item in gc.get_referents(value) if isinstance(item, types.FunctionType | types.MethodType)]
    if not made_of:
        return walk.unseen(value, name)  # type: ignore[no-any-return]
    shape = f"{value.nin} {value.nout}".encode()
    return joined(b"ufunc", [shape, *(walk.code(b"F", item) for item in made_of)])


def _generator(walk: Any, value: Any) -> bytes:
    """A Generator or RandomState; the one behind the functions of `numpy.random` is nobody's, and never counts."""
    if _is_hidden(value):
        return joined(b"hidden", [b"numpy.random"])
    state = value.get_state(legacy=False) if hasattr(value, "get_state") else None
    bits = value._bit_generator if state is not None else value.bit_generator
    seed = _seed_of(bits)
    if seed is not None and _is_of_the_system(seed):
        return walk.not_seeded(value, _place(seed))  # type: ignore[no-any-return]
    return joined(b"generator", [walk.code(b"T", type(value)), _bits(walk, bits), walk.encode(state)])


def _bits(walk: Any, value: Any) -> bytes:
    if _is_hidden(value):
        return joined(b"hidden", [b"numpy.random"])
    seed = _seed_of(value)
    if seed is not None and _is_of_the_system(seed):
        return walk.not_seeded(value, _place(seed))  # type: ignore[no-any-return]
    return joined(b"bits", [walk.code(b"T", type(value)), walk.encode(value.state), walk.encode(seed)])


def _seeds(walk: Any, value: Any) -> bytes:
    if _is_of_the_system(value):
        return walk.not_seeded(value, _place(value))  # type: ignore[no-any-return]
    state = (value.entropy, value.spawn_key, value.pool_size, value.n_children_spawned)
    return joined(b"seeds", [walk.encode(state)])


def _is_hidden(value: Any) -> bool:
    hidden = getattr(sys.modules.get("numpy.random.mtrand"), "_rand", None)
    return value is hidden or value is getattr(hidden, "_bit_generator", value if hidden is None else None)


def _seed_of(bits: Any) -> Any:
    seed = getattr(bits, "seed_seq", None)
    return seed if type(seed).__name__ == "SeedSequence" else None


def _is_of_the_system(seed: Any) -> bool:
    entropy = seed.entropy
    return type(entropy) is int and entropy.bit_length() > 64 and not was_given(entropy)


def _place(seed: Any) -> Any:
    return (tuple(seed.spawn_key), seed.n_children_spawned)


FORMS: dict[str, Any] = {
    "ndarray": _array,
    "MaskedArray": _masked,
    "generic": _scalar,
    "ufunc": _ufunc,
    "Generator": _generator,
    "RandomState": _generator,
    "BitGenerator": _bits,
    "SeedSequence": _seeds,
}
