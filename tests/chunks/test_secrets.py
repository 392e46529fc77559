"""Secrets: their text is in no file of a journal, in no output and in no error; they count by a keyed digest."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cuebook import CallFailed, Checkpoint, Secret, ValueNotKept, chunk
from cuebook.cli.command import main
from cuebook.persistence.history.arguments import encode_blocks
from cuebook.persistence.history.call_form import CallForm
from cuebook.persistence.history.summary import look
from cuebook.persistence.identity.secrets.hiding import Hiding
from cuebook.persistence.journal.reader import open_reader

TOKENS = ["hunter2AAAAaaaaBBBBbbbb11", "hunter2CCCCccccDDDDdddd22"]

SCRIPT = """
import dataclasses, functools, os, sys
from cuebook import chunk, Secret

TOKEN = sys.argv[1]
{body}
CALLS = {calls}
for where in sys.argv[2:]:
    chunk({func}, CALLS, path="j.cue", where=where, errors="collect", chunk_size=1)
"""

PROGRAMS: dict[str, tuple[str, ...]] = {
    "a global": ("API_TOKEN = TOKEN\ndel TOKEN\ndef call(n):\n    return len(API_TOKEN)", "call", "[[1]]"),
    "a table of tokens": ("TOKENS = {'a': TOKEN}\ndel TOKEN\ndef call(n):\n    return len(TOKENS)", "call", "[[1]]"),
    "credentials": (
        "credentials = {'user': 'u', 'login': [TOKEN]}\ndel TOKEN\ndef call(n):\n    return len(credentials)", "call", "[[1]]",
    ),
    "the environment": (
        ("os.environ['SERVICE_API_KEY'] = TOKEN\ndel TOKEN\nENV = dict(os.environ)\nos.environ.pop('SERVICE_API_KEY')\n"
        "def call(n):\n    return len(ENV)"), "call", "[[1]]",
    ),
    "a closure": (
        "def made(password):\n    def call(n):\n        return len(password)\n    return call\ncall = made(TOKEN)\ndel TOKEN", "call", "[[1]]",
    ),
    "a default": ("def call(n, api_key=TOKEN, *, secret=TOKEN):\n    return n\ndel TOKEN", "call", "[[1]]"),
    "a partial": (
        "def f(token, n, auth=None):\n    return n\ncall = functools.partial(f, TOKEN, auth=(TOKEN, 'x'))\ndel TOKEN", "call", "[[1]]",
    ),
    "an attribute of a class": ("class C:\n    api_key = TOKEN\ndel TOKEN\ndef call(n):\n    return len(C.api_key)", "call", "[[1]]"),
    "an attribute of an object": (
        ("class C:\n    def __init__(self, password):\n        self.password = password\n        self.headers = {'X-API-Key': password}\n"
        "c = C(TOKEN)\ndel TOKEN\ndef call(n):\n    return len(c.headers)"), "call", "[[1]]",
    ),
    "a bound method": (
        ("class C:\n    def __init__(self, password):\n        self.password = password\n    def call(self, n):\n        return len(self.password)\n"
        "c = C(TOKEN)\ndel TOKEN"), "c.call", "[[1]]",
    ),
    "beside its name": (
        "api_token = TOKEN\nheader = 'Bearer ' + TOKEN\ndel TOKEN\ndef call(n):\n    return len(api_token) + len(header)", "call", "[[1]]",
    ),
    "an argument by position": ("def call(n, token):\n    return n", "call", "[[1, TOKEN], [2, TOKEN]]"),
    "an argument by keyword": ("def call(n, **more):\n    return n", "call", "[{'n': 1, 'api_key': TOKEN}]"),
    "one of many keywords that are secrets": ("def call(n, **credentials):\n    return n", "call", "[{'n': 1, 'user': TOKEN}]"),
    "inside of an argument": ("def call(n, options):\n    return n", "call", "[[1, {'list': [{'password': TOKEN}]}]]"),
    "an argument of its own class": (
        "@dataclasses.dataclass\nclass Login:\n    user: str\n    password: str\ndef call(n, login):\n    return n", "call", "[[1, Login('u', TOKEN)]]",
    ),
    "an argument that is pickled": (
        ("class Login:\n    def __init__(self, password):\n        self.password = password\n        self.table = [password]\n"
        "def call(n, login):\n    return n"), "call", "[[1, Login(TOKEN)]]",
    ),
    "a global given as an argument": ("api_key = TOKEN\ndef call(n, text):\n    return n + len(api_key)", "call", "[[1, TOKEN]]"),
    "a lambda as an argument": ("secret = TOKEN\ndef call(n, f):\n    return n", "call", "[[1, lambda: secret]]"),
    "a result of a class that knows one": (
        ("class Answer:\n    api_key = TOKEN\n    def __init__(self, n):\n        self.n = n\n    def ask(self):\n        return TOKEN\n"
        "    def __reduce__(self):\n        return Answer, (self.n,)\ndef call(n):\n    return Answer(n)"), "call", "[[1]]",
    ),
    "the text of an error": ("api_key = TOKEN\ndef call(n):\n    raise ValueError('refused: ' + api_key)", "call", "[[1]]"),
    "arguments of an exception": (
        ("api_key = TOKEN\ndef call(n):\n    error = KeyError(api_key, [api_key], {'k': api_key})\n    error.key = api_key\n"
        "    error.add_note('with ' + api_key)\n    raise error from ValueError(api_key)"), "call", "[[1]]",
    ),
    "an error of an argument": ("def call(n, token):\n    raise ValueError(f'bad {token}')", "call", "[[1, TOKEN]]"),
    "a Secret": ("s = Secret(TOKEN)\ndel TOKEN\ndef call(n):\n    return len(s.value)", "call", "[[1]]"),
    "a Secret in an error": ("s = Secret(TOKEN)\ndel TOKEN\ndef call(n):\n    raise ValueError(s.value)", "call", "[[1]]"),
    "a Secret as an argument": (
        "def call(n, key):\n    if n == 2: raise ValueError(key[0].value)\n    return n", "call", "[[1, Secret(TOKEN)], [2, [Secret(TOKEN)]]]",
    ),
    "a long text": ("api_key = TOKEN\nlong = TOKEN * 5000\ndef call(n, data):\n    return n + len(api_key)", "call", "[[1, long]]"),
}  # fmt: skip


def start(folder: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, timeout=110)


@pytest.fixture
def everything(capsys: pytest.CaptureFixture[str]) -> Callable[[Path], dict[str, bytes]]:
    """All that can be read: the journal's files, and what the commands print."""

    def read(folder: Path) -> dict[str, bytes]:
        found = {path.name: path.read_bytes() for path in folder.rglob("j.cue*") if path.is_file()}
        for words in (
            "why", "why --json", "show", "show --run 1", "show --run 1 --json", "show --failures --run 1", "export",
            "export --all --csv",
        ):  # fmt: skip
            verb, *rest = words.split()
            assert main([verb, str(folder / "j.cue"), *rest]) == 0
            found[f"cuebook {words}"] = "".join(capsys.readouterr()).encode()
        return found

    return read


def places(found: dict[str, bytes]) -> list[str]:
    return [place for place, data in found.items() if any(token.encode() in data for token in TOKENS)]


DRIVER = """
import os, runpy, sys
folder, names = os.getcwd(), sys.argv[3:]
del sys.argv[3:]
sys.argv[2:] = sys.argv[2].split(",")
for name in names:
    os.chdir(os.path.join(folder, name))
    runpy.run_path("job.py", run_name="__main__")
"""


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Path], bytes]:
    """Each program was run with one secret in threads, then in processes, and then with another one in processes."""
    folder = tmp_path_factory.mktemp("programs")
    folders = {}
    for number, (name, (body, func, calls)) in enumerate(PROGRAMS.items()):
        folders[name] = folder / f"p{number}"
        folders[name].mkdir()
        (folders[name] / "job.py").write_text(SCRIPT.format(body=body, func=func, calls=calls))
    (folder / "driver.py").write_text(DRIVER)
    said = b""
    for token, wheres in ((TOKENS[0], "thread,process"), (TOKENS[1], "process")):
        done = start(folder, "driver.py", token, wheres, *(each.name for each in folders.values()))
        assert done.returncode == 0, done.stderr.decode()
        said += done.stderr
    return folders, said


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_text_of_a_secret_is_nowhere_and_it_counts_all_the_same(ran: Any, everything: Any, name: str) -> None:
    """With another one the calls are others; a Secret alone does not count."""
    folders, said = ran
    assert places({**everything(folders[name]), "said": said}) == []
    runs = Checkpoint.load(folders[name] / "j.cue").runs
    if "raise" not in PROGRAMS[name][0]:
        assert [run.reused for run in runs] == [0, runs[0].done, runs[0].done if name == "a Secret" else 0]


def test_a_secret_in_the_source_is_not_in_the_journal(tmp_path: Path, everything: Any) -> None:
    script = tmp_path / "job.py"
    text = (
        "from cuebook import chunk\ndef helper(n):\n    token = 'hunter2AAAAaaaaBBBBbbbb11'\n"
        "    if n < 0:\n        raise ValueError(n)\n    login(user='u', password='hunter2CCCCccccDDDDdddd22')\n    return n\n"
        "def login(user, password):\n    if password == 'x': pass\n    if user == 'nobody': raise ValueError(password)\n"
        "def call(n):\n    return helper(n)\n"
        "chunk(call, [[1], [-1]], path='j.cue', errors='collect')\n"
    )
    script.write_text(text)
    assert start(tmp_path, str(script)).returncode == 0
    assert places(everything(tmp_path)) == []
    script.write_text(text.replace("hunter2AAAA", "hunter3AAAA"))
    done = start(tmp_path, str(script))
    assert b"call changed since run 1 (code of helper)" in done.stderr
    assert b"hunter3" not in b"".join(everything(tmp_path).values())


def test_secrets_of_the_command_line_are_hidden_by_the_name_of_their_option(tmp_path: Path) -> None:
    (tmp_path / "job.py").write_text(
        "from cuebook import chunk\ndef call(n):\n    return n\nchunk(call, [[1]], path='j.cue')\n"
    )
    words = ["--api-key", TOKENS[0], f"--password={TOKENS[1]}", "-v", "--max-tokens", "400"]
    assert start(tmp_path, "job.py", *words).returncode == 0
    shown = start(tmp_path, "-m", "cuebook", "show", "j.cue", "--run", "1").stdout.decode()
    assert "job.py --api-key <hidden> --password=<hidden> -v --max-tokens 400" in shown
    assert not any(token in shown for token in TOKENS)


def test_digests_are_keyed_by_the_journal(tmp_path: Path) -> None:
    """Two journals have nothing in common by which a reader of one could look up the other's secrets."""
    (tmp_path / "job.py").write_text(
        "import sys\nfrom cuebook import chunk, current_call\nAPI_KEY = 'x' * 20\ndef call(n):\n"
        "    return current_call().seed + 0 * len(API_KEY)\nprint(chunk(call, [[1]], path=sys.argv[1]))\n"
    )
    runs = [start(tmp_path, "job.py", name) for name in ("a.cue", "a.cue", "b.cue")]
    assert len({run.stdout for run in runs}) == 1, "seeds are the same in each journal"
    parts = []
    for name in ("a.cue", "b.cue"):
        with open_reader(tmp_path / name) as reader:
            runs_of = look(reader).state.runs
            parts.append({label: digest for label, digest, _ in runs_of[1].opened.parts})
        assert len({run.opened.fingerprint for run in runs_of.values()}) == 1
    assert parts[0].keys() == parts[1].keys()
    assert [label for label in parts[0] if parts[0][label] != parts[1][label]] == ["global API_KEY"]


def test_secrets_of_calls_do_not_pile_up(tmp_path: Path) -> None:
    """A million calls, each with a token of its own, must not leave a million texts to look for."""

    def call(n: int, token: str) -> int:
        return n

    hiding = Hiding(b"k" * 16)
    form = CallForm(call, hiding=hiding)
    encode_blocks([[n, f"token number {n} of many"] for n in range(3000)], form)
    assert form.met == 3000
    assert len(hiding._texts) < 3000


def test_short_values_are_hidden_by_name_only() -> None:
    hiding = Hiding(b"k" * 16)
    hiding.note("abc")
    hiding.note("abcdefgh")
    assert hiding.hide("abc abcdefgh") == "abc <hidden>"


def test_what_a_call_raises_says_no_secret(tmp_path: Path) -> None:
    api_key = TOKENS[0]

    def call(n: int) -> int:
        raise ValueError("refused", api_key)

    with pytest.raises(CallFailed) as caught:
        chunk(call, [[1]], path=tmp_path / "j.cue", where="thread")
    assert isinstance(caught.value.__cause__, ValueError)
    assert caught.value.__cause__.args == ("refused", "<hidden>")
    text = str(caught.value) + caught.value.traceback_text + repr(caught.value.__cause__)
    assert api_key not in text and "refused" in text


@pytest.mark.parametrize("where", ["thread", "process"])
@pytest.mark.parametrize(
    "made",
    [lambda s: s, lambda s: [s], lambda s: {"k": (s,)}, lambda s: holding(s)],
    ids=["itself", "in a list", "in a dict", "in an object"],
)
def test_a_call_that_returns_a_secret_fails(tmp_path: Path, made: Callable[[Any], Any], where: str) -> None:
    def call(n: int) -> Any:
        return made(Secret(TOKENS[0]))

    with pytest.raises(CallFailed, match="a Secret is never written to a journal") as caught:
        chunk(call, [[1]], path=tmp_path / "j.cue", where=where)
    assert isinstance(caught.value.__cause__, ValueNotKept)


class Holder:
    pass


def holding(value: Any) -> Any:
    holder: Any = Holder()
    holder.value = value
    return holder


@pytest.mark.parametrize("where", ["thread", "process", "async"])
def test_the_value_of_a_secret_is_there_in_the_call(where: str) -> None:
    bound = Secret(b"bytes of mine")

    def plain(key: Any) -> bool:
        return (key.value, bound.value) == ("text of mine", b"bytes of mine")

    async def awaited(key: Any) -> bool:
        return plain(key)

    func = awaited if where == "async" else plain
    assert chunk(func, [[Secret("text of mine")]], where=where) == [True]


def test_a_secret_shows_nothing_of_itself() -> None:
    one = Secret("hunter2hunter2")
    assert [repr(one), str(one), f"{one}", format(one)] == ["Secret(...)"] * 4
    assert one == Secret("hunter2hunter2") != Secret("x") and hash(one) == hash(Secret("hunter2hunter2"))
    assert Secret(threading.Lock()).value is not None
