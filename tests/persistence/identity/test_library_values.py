"""Frames, arrays, tables and distributions of other libraries: equal by value, apart in what makes a difference."""

from __future__ import annotations

import datetime as dt
import decimal
import functools
import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cuebook.persistence.identity.value_digest import value_digest, walked_digest
from cuebook.persistence.identity.values.walk import ValueWalk


def are_equal(*values: Any) -> bool:
    """Whether values are one, and none of them has anything that cannot be seen."""
    walks = [ValueWalk() for _ in values]
    digests = {
        walked_digest(walk, lambda walk, v=value: walk.encode(v)) for walk, value in zip(walks, values, strict=True)
    }
    assert not any(walk.opaque for walk in walks)
    return len(digests) == 1


def all_differ(*values: Any) -> bool:
    digests = [value_digest(value) for value in values]
    assert [value_digest(value) for value in values] == digests
    return len(set(digests)) == len(values)


# numpy


class Quantity(np.ndarray):
    """An array with a unit, as numpy's page on subclassing shows it."""

    def __new__(cls, items: Any, unit: str) -> Quantity:
        array = np.asarray(items).view(cls)
        array.unit = unit
        return array

    def __array_finalize__(self, other: Any) -> None:
        self.unit = getattr(other, "unit", None)


class Slotted(np.ndarray):
    __slots__ = ("unit",)


def slotted(unit: str) -> Slotted:
    array = np.zeros(2).view(Slotted)
    array.unit = unit
    return array


def read_only(array: Any) -> Any:
    array.flags.writeable = False
    return array


def test_attributes_of_subclasses_and_the_flag_against_writing_count() -> None:
    assert all_differ(Quantity([1.0], "m"), Quantity([1.0], "km"), Quantity([2.0], "m"), np.array([1.0]))
    assert all_differ(slotted("m"), slotted("km"), np.zeros(2))
    assert all_differ(np.zeros(2), read_only(np.zeros(2)))
    assert are_equal(Quantity([1.0], "m"), Quantity([1.0, 2.0], "m")[:1])


@pytest.mark.parametrize("kind", ["f2", "f4", "f8", "c8", "c16", "g", "G", ">f8", ">f2"])
def test_nans_of_any_origin_are_equal(kind: str) -> None:
    plain = np.array([1, np.nan, 3], dtype=kind)
    with np.errstate(all="ignore"):
        negative = (-plain).astype(kind)
        divided = np.array([1, 0, 3], dtype=kind) / np.array([1, 0, 1], dtype=kind)
    negative[[0, 2]] = plain[[0, 2]]
    divided = divided.astype(kind)
    if plain.dtype.kind == "f":
        assert are_equal(plain, negative, divided)
    assert are_equal(plain, plain.copy()) and all_differ(plain, np.array([1, np.nan, 4], dtype=kind))
    large = np.zeros(300_000, dtype=kind)
    other = large.copy()
    large[200_000], other[200_000] = np.nan, -np.float64("nan")
    assert are_equal(large, other)


def test_padding_of_extended_floats_does_not_count() -> None:
    one = np.array([1, 2], dtype=np.longdouble)
    other = one.copy()
    if one.dtype.itemsize == 16 and np.finfo(np.longdouble).nmant == 63:
        other.view(np.uint8).reshape(-1, 16)[:, 10:] = 255
    assert (one == other).all()
    assert are_equal(one, other)


def test_what_is_masked_does_not_count_nor_how_the_mask_is_written() -> None:
    plain = np.ma.array([1.0, 2.0, 3.0], mask=[0, 1, 0])
    other = np.ma.array([1.0, 99.0, 3.0], mask=[False, True, False])
    looked_at = np.ma.array([1.0, 2.0, 3.0], mask=[0, 1, 0])
    assert looked_at.fill_value == 1e20
    assert are_equal(plain, other, looked_at)
    assert are_equal(np.ma.array([1, 2]), np.ma.array([1, 2], mask=[0, 0]))
    filled = np.ma.array([1.0, 2.0, 3.0], mask=[0, 1, 0], fill_value=7)
    assert all_differ(plain, filled, np.ma.array([1.0, 2.0, 3.0], mask=[1, 0, 0]), np.array([1.0, 2.0, 3.0]))
    pairs = [np.ma.array([(1, 2), (3, n)], mask=[(0, 0), (0, 1)], dtype="i4,i4") for n in (4, 5)]
    assert are_equal(*pairs)


def test_dtypes_count_with_their_metadata() -> None:
    noted = np.dtype("f8", metadata={"unit": "m"})
    assert all_differ(np.zeros(1), np.zeros(1, noted), np.zeros(1, ">f8"), np.zeros(1, "f4"))


# pandas


class Frame(pd.DataFrame):
    _metadata = ["unit"]

    @property
    def _constructor(self) -> Any:
        return Frame


class Column(pd.Series):
    _metadata = ["unit"]


def with_unit(made: Any, unit: Any) -> Any:
    made.unit = unit
    return made


def test_metadata_attributes_and_flags_of_frames_and_series_count() -> None:
    frames = [with_unit(Frame({"a": [1]}), unit) for unit in ("m", "km", {"m": 1})]
    assert all_differ(*frames, pd.DataFrame({"a": [1]}), Frame({"a": [1]}))
    assert are_equal(frames[0], frames[0].copy())
    assert all_differ(*(with_unit(Column([1], name="a"), unit) for unit in ("m", "km")), pd.Series([1], name="a"))
    noted = pd.DataFrame({"a": [1]})
    noted.attrs["source"] = "x"
    strict = pd.DataFrame({"a": [1]}).set_flags(allows_duplicate_labels=False)
    assert all_differ(pd.DataFrame({"a": [1]}), noted, strict)


EXTENDED = [
    pd.array([1, 2, None], dtype="Int64"), pd.array([1, 2, None], dtype="Int32"), pd.array([1.5, None], dtype="Float64"),
    pd.array([True, None], dtype="boolean"), pd.array(["a", None], dtype="string"), pd.array(["a", "b"], dtype="string"),
    pd.date_range("2020", periods=2, tz="UTC").array, pd.date_range("2020", periods=2, tz="Europe/Berlin").array,
    pd.period_range("2020-01", periods=2, freq="M").array, pd.period_range("2020-01-01", periods=2, freq="D").array,
    pd.timedelta_range("1s", periods=2).array, pd.arrays.IntervalArray.from_breaks([0, 1, 2], closed="left"),
    pd.arrays.IntervalArray.from_breaks([0, 1, 2], closed="right"), pd.arrays.SparseArray([0, 0, 1]),
    pd.arrays.SparseArray([0, 0, 1], fill_value=1), pd.Categorical(["a", "b"]), pd.Categorical(["a", "b"], ordered=True),
    pd.Categorical(["a", "b"], categories=["b", "a"]),
]  # fmt: skip


def test_extension_arrays_count_by_value_and_by_the_parameters_of_their_dtype() -> None:
    assert all_differ(*EXTENDED)
    assert all_differ(*map(pd.Series, EXTENDED))
    for array in EXTENDED:
        assert are_equal(array, array.copy(), array[::-1][::-1])
        assert are_equal(pd.Series(array), pd.Series(array).iloc[::-1].iloc[::-1])


def test_categories_count_in_their_order_and_not_by_how_an_array_was_cut() -> None:
    made = pd.Categorical(["a"], categories=["a", "b"])
    assert are_equal(made, pd.Categorical(["a", "b"])[:1], pd.Categorical(["b", "a"])[1:])
    assert all_differ(made, pd.Categorical(["a"], categories=["b", "a"]), pd.Categorical(["a"]))


def test_what_lies_under_a_missing_item_does_not_count() -> None:
    one = pd.array([1, 2, 3], dtype="Int64")
    other = pd.array([1, 99, 3], dtype="Int64")
    one[1] = other[1] = pd.NA
    assert are_equal(one, other) and are_equal(pd.Series(one), pd.Series(other))


class Money(pd.api.extensions.ExtensionDtype):
    name = "money"
    type = float

    def __init__(self, currency: str) -> None:
        self.currency = currency

    @classmethod
    def construct_array_type(cls) -> Any:
        return Amounts


class Amounts(pd.api.extensions.ExtensionArray):
    def __init__(self, items: Any, dtype: Money) -> None:
        self._items, self._dtype = np.asarray(items, dtype=float), dtype

    dtype = property(lambda self: self._dtype)

    def __len__(self) -> int:
        return len(self._items)

    def __getitem__(self, at: Any) -> Any:
        return self._items[at] if isinstance(at, int) else Amounts(self._items[at], self._dtype)

    def isna(self) -> Any:
        return np.isnan(self._items)

    def copy(self) -> Amounts:
        return Amounts(self._items.copy(), self._dtype)


def test_extension_arrays_of_others_count_with_their_own_metadata() -> None:
    euros, dollars = Amounts([1, 2], Money("EUR")), Amounts([1, 2], Money("USD"))
    assert all_differ(euros, dollars, Amounts([1, 3], Money("EUR")))
    assert all_differ(pd.Series(euros), pd.Series(dollars))
    assert all_differ(pd.DataFrame({"a": euros}), pd.DataFrame({"a": dollars}))
    assert are_equal(pd.Series(euros), pd.Series(euros.copy()))


def test_coordinate_systems_and_the_active_geometry_of_geopandas_count() -> None:
    geopandas = pytest.importorskip("geopandas")
    from shapely.geometry import Point

    points = [Point(1, 2), Point(3, 4)]
    plain = geopandas.GeoDataFrame({"g": points, "h": points[::-1]}, geometry="g", crs=4326)
    other = geopandas.GeoDataFrame({"g": points, "h": points[::-1]}, geometry="g", crs=3857)
    assert all_differ(plain, other, plain.set_geometry("h", crs=4326))
    assert all_differ(geopandas.GeoSeries(points), geopandas.GeoSeries(points, crs=4326))
    used = plain.copy()
    assert used.sindex is not None
    assert are_equal(plain, used, plain.iloc[::-1].iloc[::-1])


# scipy


def test_sparse_matrices_count_by_what_is_in_them_whatever_they_have_noted() -> None:
    sparse = pytest.importorskip("scipy.sparse")
    for name in ("csr", "csc", "bsr", "coo", "dia", "lil", "dok"):
        for make in (getattr(sparse, f"{name}_matrix"), getattr(sparse, f"{name}_array")):
            one, used, other = make(np.eye(4)), make(np.eye(4)), make(np.eye(4) * 2)
            assert used.sum() == 4
            if hasattr(used, "has_sorted_indices"):
                used.sort_indices()
                used.sum_duplicates()
                assert used.has_canonical_format and used.has_sorted_indices
            assert are_equal(one, used) and all_differ(one, other, make(np.zeros((4, 4))), make((4, 5)))
    assert all_differ(sparse.csr_matrix(np.eye(2)), sparse.csc_matrix(np.eye(2)), sparse.csr_array(np.eye(2)))
    wide = sparse.csr_matrix(np.eye(2))
    wide.indices, wide.indptr = wide.indices.astype(np.int64), wide.indptr.astype(np.int64)
    assert are_equal(wide, sparse.csr_matrix(np.eye(2)))


def test_frozen_distributions_count_by_their_parameters() -> None:
    stats = pytest.importorskip("scipy.stats")
    used = stats.norm(0, 1)
    assert used.rvs() is not None and used.ppf(0.5) == 0
    assert are_equal(stats.norm(0, 1), stats.norm(0, 1), used)
    assert all_differ(
        stats.norm(0, 1), stats.norm(0, 2), stats.expon(0, 1), stats.norm(loc=0, scale=1), stats.poisson(3)
    )
    assert are_equal(stats.norm(loc=0, scale=1), stats.norm(scale=1, loc=0))
    assert are_equal(stats.rv_discrete(values=([1, 2], [0.5, 0.5])), stats.rv_discrete(values=([1, 2], [0.5, 0.5])))
    assert all_differ(stats.rv_discrete(values=([1, 2], [0.5, 0.5])), stats.rv_discrete(values=([1, 2], [0.4, 0.6])))
    joint = [stats.multivariate_normal([0, 0]) for _ in range(2)]
    assert joint[0].rvs() is not None and joint[0].pdf([0, 0]) > 0
    assert are_equal(*joint) and all_differ(joint[0], stats.multivariate_normal([0, 1]))
    seeded = stats.norm(0, 1)
    seeded.random_state = 3
    assert all_differ(seeded, stats.norm(0, 1))


def test_distributions_of_the_newer_kind_count_without_what_they_have_computed() -> None:
    stats = pytest.importorskip("scipy.stats")
    if not hasattr(stats, "Normal"):
        pytest.skip("an older scipy")
    used = stats.Normal(mu=0.0)
    assert used.mean() == 0 and used.variance() == 1 and used.kurtosis() == 3
    assert are_equal(stats.Normal(mu=0.0), used) and all_differ(stats.Normal(mu=0.0), stats.Normal(mu=1.0))


# Arrow and polars

ROWS: dict[str, list[Any]] = {
    "i": [1, 2, None, 4], "f": [1.5, math.nan, None, -0.0], "b": [True, None, False, True],
    "s": ["one", "a long string of 25 letters", None, ""], "y": [b"1", b"", None, b"2"],
    "d": [dt.date(2020, 1, n) for n in (1, 2, 3)] + [None], "t": [dt.datetime(2020, 1, 1), None, dt.datetime(2021, 1, 1)] * 1 + [None],
    "l": [[1, 2], [], None, [3]], "n": [["a", None], [], None, ["b"]], "r": [{"x": 1, "y": "a"}, {"x": None, "y": "b"}, None, {"x": 2, "y": None}],
    "m": [decimal.Decimal("1.50"), None, decimal.Decimal("2.25"), decimal.Decimal("0.00")], "z": [None] * 4,
    "u": [dt.timedelta(seconds=1), None, dt.timedelta(days=2), None], "c": [dt.time(1, 2), None, dt.time(3, 4), None],
}  # fmt: skip


def changed(rows: dict[str, list[Any]], name: str) -> dict[str, list[Any]]:
    """The rows with one item of one column exchanged for another that it has."""
    column = list(rows[name])
    column[0], column[2] = column[2], column[0]
    return {**rows, name: column}


def cut(rows: dict[str, list[Any]]) -> dict[str, list[Any]]:
    return {name: column[1:3] for name, column in rows.items()}


def test_arrow_counts_by_value_not_by_how_it_was_cut() -> None:
    pa = pytest.importorskip("pyarrow")
    table = pa.table(ROWS)
    chunked = pa.concat_tables([table.slice(0, 1), table.slice(1, 2), table.slice(3)])
    assert are_equal(table, chunked, table.slice(0, 4), table.take([0, 1, 2, 3]))
    assert are_equal(table.slice(1, 2), pa.table(cut(ROWS), schema=table.schema), chunked.slice(1, 2))
    assert all_differ(table, *(pa.table(changed(ROWS, name), schema=table.schema) for name in ROWS if name != "z"))
    for name in ROWS:
        assert are_equal(table[name], chunked[name]) and are_equal(
            table[name].chunk(0).slice(1, 2), pa.array(ROWS[name][1:3], table[name].type)
        )
    noted = table.replace_schema_metadata({"unit": "m"})
    assert all_differ(table, noted, table.rename_columns([*list(ROWS)[:-1], "other"]), table.drop_columns(["z"]))
    assert all_differ(
        pa.array([1], pa.int8()),
        pa.array([1], pa.int16()),
        pa.chunked_array([[1]]),
        pa.scalar(1),
        pa.int8(),
        pa.int16(),
    )
    words = pa.array(["a", "b", "a", None]).dictionary_encode()
    assert are_equal(words, pa.concat_arrays([words.slice(0, 2), words.slice(2)])) and all_differ(
        words, words.dictionary_decode()
    )
    assert all_differ(
        pa.py_buffer(b"a"), pa.py_buffer(b"b"), pa.schema([("a", pa.int8())]), pa.schema([("b", pa.int8())])
    )
    assert are_equal(pa.array([None, "b"]).slice(1), pa.array(["b"])) and are_equal(pa.table({}), pa.table({}))


def test_polars_counts_by_value_not_by_how_it_was_cut() -> None:
    pl = pytest.importorskip("polars")
    frame = pl.DataFrame(ROWS)
    chunked = pl.concat([frame[:1], frame[1:3], frame[3:]], rechunk=False)
    assert are_equal(frame, chunked, frame[:], chunked.rechunk())
    assert are_equal(frame[1:3], pl.DataFrame(cut(ROWS), schema=frame.schema), chunked[1:3])
    assert all_differ(frame, *(pl.DataFrame(changed(ROWS, name), schema=frame.schema) for name in ROWS if name != "z"))
    for name in ROWS:
        assert are_equal(frame[name], chunked[name])
    assert all_differ(frame, frame.rename({"i": "j"}), frame.drop("z"), frame.cast({"i": pl.Int32}), frame[::-1])
    words = pl.Series("w", ["a", "b", "a", None])
    kinds = [pl.Categorical, pl.Enum(["a", "b"]), pl.Enum(["b", "a"])]
    assert all_differ(words, *(words.cast(kind) for kind in kinds))
    assert are_equal(words.cast(pl.Categorical)[1:], pl.Series("w", ["b", "a", None], dtype=pl.Categorical))
    assert all_differ(pl.Series([1]), pl.Series("a", [1]), pl.Series([1.0]), pl.Series([math.nan]), pl.Series([None]))
    assert are_equal(pl.Series([math.nan]), pl.Series([0.0]) / pl.Series([0.0]))


def test_models_of_pydantic_hide_their_secrets_and_do_not_count_them() -> None:
    pydantic = pytest.importorskip("pydantic")

    class Login(pydantic.BaseModel):
        user: str
        word: pydantic.SecretStr

    one, other = Login(user="u", word="hunter2hunter2"), Login(user="u", word="another-word-of-mine")
    assert value_digest(one) == value_digest(other) != value_digest(Login(user="v", word="hunter2hunter2"))
    walk = ValueWalk()
    walk.encode(one)
    assert walk.hiding.hide("it is hunter2hunter2!") == "it is <hidden>!"


def test_models_of_pydantic_count_by_their_fields_however_these_were_given() -> None:
    pydantic = pytest.importorskip("pydantic")

    class Model(pydantic.BaseModel):
        model_config = pydantic.ConfigDict(extra="allow")
        a: int = 1
        b: list[int] = []
        _own: int = 5

        @functools.cached_property
        def large(self) -> int:
            return self.a * 1000

    used, other = Model(), Model()
    assert used.large == 1000
    other._own = 6
    assert are_equal(Model(), Model(a=1, b=[]), Model(b=[]), used)
    assert all_differ(Model(), Model(a=2), Model(b=[1]), Model(c=1), other)


def test_models_of_pydantic_that_make_their_state_count_by_it() -> None:
    pydantic = pytest.importorskip("pydantic")

    class Model(pydantic.BaseModel):
        a: int = 1
        b: int = 1

        def __getstate__(self) -> Any:
            return {**super().__getstate__(), "__dict__": {"a": self.a}}

    assert are_equal(Model(b=1), Model(b=2)) and all_differ(Model(b=1), Model(a=2, b=1))
