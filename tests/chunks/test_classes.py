"""Classes of the script, in functions, as arguments and as results."""

from __future__ import annotations

from pathlib import Path

from tests.support.programs import run_script

ENUMS = """
import enum, dataclasses
class Color(enum.Enum):
    RED = 1
    GREEN = 2
    CRIMSON = 1
    @property
    def loud(self): return self.name.upper()
class Planet(enum.Enum):
    EARTH = (5.97, 6.37)
    def __init__(self, mass, radius): self.mass = mass
class Code(enum.Enum):
    OK = ("ok", 200)
    def __new__(cls, text, number):
        made = object.__new__(cls)
        made._value_, made.number = text, number
        return made
class Perm(enum.Flag):
    NONE = 0
    R = 1
    W = 2
    X = 4
    RW = 3
class Level(enum.IntEnum):
    LOW = 1
@dataclasses.dataclass
class Job:
    color: Color
    perm: Perm
def make():
    class Local(enum.Enum):
        A = 1
    return Local
Local = make()
ALL = [Color.RED, Color.CRIMSON, Planet.EARTH, Code.OK, Perm.NONE, Perm.RW, Perm.R | Perm.X, Level.LOW, Local.A,
       Job(Color.GREEN, Perm.W), {Color.RED: [Perm.X]}]
def shown(x):
    if isinstance(x, enum.Enum):
        return repr(x), x.name, x.value, sorted(type(x).__members__), vars(x).get("mass"), vars(x).get("number"), str(x)
    return repr(x)
def knows(x):  # names the classes
    return shown(x), x is Color.RED, x is Color.CRIMSON, x is Perm.NONE, isinstance(x, Perm) and bool(x & Perm.RW), x == Level.LOW
def gives(x): return x
def takes(x): return shown(x)
"""


def test_enumerations_of_the_script_are_the_same_in_functions_as_arguments_and_as_results(tmp_path: Path) -> None:
    body = (
        ENUMS
        + """
calls = [[x] for x in ALL]
for path in (None, "x.cue"):
    for f in (knows, takes):
        got = chunk(f, calls, path=path)
        assert got == [f(x) for x in ALL], (f, got)
    for back, x in zip(chunk(gives, calls, path=path), ALL, strict=True):
        if isinstance(x, Local) and len(sys.argv) > 1:  # this program's class has no name that leads to it
            assert repr(back) == repr(x)
            continue
        assert back == x and type(back) is type(x), (back, x)
        assert not isinstance(x, enum.Enum) or back is x, x
print("right")
"""
    )
    assert run_script(tmp_path, body) == "right\n"
    assert run_script(tmp_path, body, "from the journal") == "right\n"


def test_members_whose_values_equal_no_copy_of_themselves_are_known_by_their_names(tmp_path: Path) -> None:
    body = """
import enum
class Way(enum.Enum):
    BY_FUNCTION = enum.member(lambda x: x + 1)
    BY_OBJECT = object()
def f(way): return way.name, way, [way]
for path in (None, "x.cue"):
    print(all(value == (way.name, way, [way])
              for way, value in zip(Way, chunk(f, [[way] for way in Way], path=path), strict=True)))
"""
    assert run_script(tmp_path, body) == "True\nTrue\n"


def test_a_warm_worker_has_a_class_as_it_is_at_each_call(tmp_path: Path) -> None:
    body = """
class Model:
    scale = 1
    def run(self, x): return x * self.scale
def f(x): return Model().run(x)
with Chunker(chunk_size=1) as chunker:
    print(chunker([[2]], func=f))
    Model.scale = 5
    print(chunker([[2]], func=f))
    print(Model.run is Model.__dict__["run"], f(2))
"""
    assert run_script(tmp_path, body) == "[2]\n[10]\nTrue 10\n"


def test_a_class_made_in_a_function_comes_back_as_the_class_that_is_here(tmp_path: Path) -> None:
    body = """
def make():
    class Local:
        def __init__(self, x): self.x = x
    return Local
Local = make()
def f(x): return Local(x)
back = chunk(f, [[1]])
print(isinstance(back[0], Local), back[0].x)
"""
    assert run_script(tmp_path, body) == "True 1\n"


def test_workers_have_the_subclasses_that_the_code_asks_classes_for(tmp_path: Path) -> None:
    """Nothing refers to them: a registry of plugins by `__subclasses__()` was empty in a worker process."""
    (tmp_path / "users_plugins.py").write_text(
        "class Plugin: k = 1\ndef plugins(): return [(each.__name__, each.k) for each in Plugin.__subclasses__()]\n"
    )
    (tmp_path / "users_own_plugin.py").write_text("import users_plugins\nclass First(users_plugins.Plugin): k = 2\n")
    body = """
import users_plugins, users_own_plugin
class Second(users_plugins.Plugin): k = 3
class Base: pass
class Below(Base):
    def m(self): return 4
def local():
    class Third(users_plugins.Plugin): pass
    return Third
held = local()
def asked(x): return users_plugins.plugins(), [each().m() for each in Base.__subclasses__()]
(there,), here = chunk(asked, [[1]]), asked(1)
print(there == here, here)
"""
    assert run_script(tmp_path, body) == "True ([('First', 2), ('Second', 3), ('Third', 1)], [4])\n"
