"""What numba compiles counts by the function that it was made from, and by how it is to be compiled."""

from __future__ import annotations

from typing import Any

from cuebook.persistence.identity.code.class_contents import ClassContents
from cuebook.persistence.identity.digest import joined

__all__ = ["FORMS", "contents_of"]

_COMPILED = frozenset({"class_type", "_ctor", "_ctor_sig"})


def _dispatcher(walk: Any, value: Any) -> bytes:
    """`@jit`, `@njit`, `@cuda.jit`: what was compiled for which types, so far, is no part of it."""
    options = getattr(value, "targetoptions", None)
    return joined(b"numba", [walk.encode(value.py_func), walk.encode(_sorted(options))])


def _ufunc(walk: Any, value: Any) -> bytes:
    """`@vectorize`: a ufunc around a dispatcher."""
    return joined(b"numba.ufunc", [walk.encode(value._dispatcher.py_func), walk.encode(_sorted(value.targetoptions))])


def _generalized(walk: Any, value: Any) -> bytes:
    """`@guvectorize`."""
    builder = value.gufunc_builder
    return joined(b"numba.gufunc", [walk.encode(builder.py_func), walk.encode(str(builder.signature))])


def _callback(walk: Any, value: Any) -> bytes:
    """`@cfunc`."""
    return joined(b"numba.cfunc", [walk.encode(value._pyfunc), walk.encode(str(value._sig))])


def _stencil(walk: Any, value: Any) -> bytes:
    """`@stencil`."""
    return joined(b"numba.stencil", [walk.encode(value.kernel_ir.func_id.func), walk.encode(_sorted(value.options))])


def contents_of(cls: type) -> ClassContents | None:
    """The fields and methods of a `@jitclass`."""
    kind = cls.__dict__.get("class_type")
    if type(cls).__name__ != "JitClassType" or kind is None:
        return None
    methods = {**kind.methods, **kind.static_methods}
    members = [[name, getattr(made, "py_func", made)] for name, made in sorted(methods.items())]
    properties = [[name, *sorted(made.items())] for name, made in sorted(kind.jit_props.items())]
    fields = [[name, str(field)] for name, field in kind.struct.items()]
    return ClassContents(_COMPILED, (("@fields", fields), ("@methods", members), ("@properties", properties)))


def _sorted(options: Any) -> dict[str, Any]:
    return dict(sorted(options.items())) if isinstance(options, dict) else {}


FORMS = {
    "Dispatcher": _dispatcher,
    "CUDADispatcher": _dispatcher,
    "DUFunc": _ufunc,
    "GUFunc": _generalized,
    "CFunc": _callback,
    "StencilFunc": _stencil,
}
