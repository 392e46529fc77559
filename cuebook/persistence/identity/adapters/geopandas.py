"""Geopandas: arrays of geometries by their well-known binary form and their coordinate system.

Frames and series of it are pandas' own, with the name of the active geometry among their metadata.
"""

from __future__ import annotations

import sys
from typing import Any

from cuebook.persistence.identity.digest import joined

__all__ = ["FORMS"]


def _geometries(walk: Any, value: Any) -> bytes:
    shapely, np = sys.modules["shapely"], sys.modules["numpy"]
    shapes = shapely.to_wkb(np.asarray(value, dtype=object), include_srid=True).tolist()
    system = None if value.crs is None else value.crs.to_wkt()
    return joined(b"geometries", [walk.encode(shapes), walk.encode(system)])


FORMS: dict[str, Any] = {"GeometryArray": _geometries}
