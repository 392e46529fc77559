"""Secret names, keyed digests, and texts without secrets."""

from __future__ import annotations

import collections
import dataclasses
import functools
import urllib.parse
from typing import Any, NamedTuple

import pytest

from cuebook import Secret
from cuebook.persistence.identity.fingerprint import fingerprint
from cuebook.persistence.identity.secrets.hiding import HIDDEN, Hiding
from cuebook.persistence.identity.secrets.literals import hidden_source
from cuebook.persistence.identity.secrets.names import is_secret_name, names_a_secret, names_secret
from cuebook.persistence.identity.value_digest import value_digest

KEYS = (b"a" * 16, b"b" * 16)
TEXT = "a text of many characters"


@pytest.mark.parametrize(
    "name",
    [
        "api_key", "apiKey", "API_KEY", "X-API-Key", "apikey", "password", "db_password", "dbPassword", "passwd", "secret",
        "client_secret", "token", "API_TOKEN", "accessToken", "credentials", "credential", "Authorization", "auth",
        "private_key", "privateKey", "AWS_SECRET_ACCESS_KEY", "aws_access_key_id", "secrets", "passphrase", "HTTPAuth",
    ],
)  # fmt: skip
def test_names_of_secrets_are_known_by_whole_words(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "max_tokens", "tokenizer", "tokens", "author", "authors", "authority", "key", "keys", "api", "private", "public_key",
        "secretary", "passwords_file"[:4], "n", "", "x1", "monkey", "apikeys_"[:3], "tokenize", "keyboard", "Authentic",
    ],
)  # fmt: skip
def test_ordinary_names_are_not_taken_for_secrets(name: str) -> None:
    assert not is_secret_name(name)


def test_a_table_of_tokens_is_secret_and_a_list_of_words_is_not() -> None:
    assert names_secret("TOKENS", {"a": "b"}) and names_secret("api_keys", {})
    assert not names_secret("tokens", ["a", "b"]) and not names_secret("max_tokens", 5)


@dataclasses.dataclass
class Login:
    user: str
    password: Any


@dataclasses.dataclass(frozen=True, slots=True)
class Frozen:
    user: str
    password: Any


class Row(NamedTuple):
    user: str
    token: Any


class Plain:
    def __init__(self, password: Any) -> None:
        self.password = password


class Slots:
    __slots__ = ("secret",)

    def __init__(self, secret: Any) -> None:
        self.secret = secret


def takes(n: int, token: str = "", **more: Any) -> None: ...


HIDING = [
    lambda text: {"api_key": text},
    lambda text: {"a": 1, "api_key": text},
    lambda text: {"api_key": text.encode()},
    lambda text: [[{"x": {"Authorization": text}}]],
    lambda text: {"credentials": {"user": "u", "words": [text]}},
    lambda text: {"credentials": {"user": "u", "login": text}},
    lambda text: {"auth": ("u", text)},
    lambda text: {"tokens": {"u": text}},
    lambda text: collections.OrderedDict(password=text),
    lambda text: collections.defaultdict(list, password=text),
    lambda text: Login("u", text),
    lambda text: [Login("u", [text])],
    lambda text: Frozen("u", text),
    lambda text: Row("u", text),
    lambda text: Plain(text),
    lambda text: Slots(text),
    lambda text: functools.partial(takes, 1, text),
    lambda text: functools.partial(takes, token=text),
    lambda text: functools.partial(takes, api_key=text),
    lambda text: Plain(Plain({"k": [text]})),
]


@pytest.mark.parametrize("made", HIDING)
def test_what_stands_under_a_secret_name_leaves_a_keyed_digest_alone(made: Any) -> None:
    one, other = Hiding(KEYS[0]), Hiding(KEYS[1])
    assert value_digest(made(TEXT), one) != value_digest(made(TEXT), other)
    assert value_digest(made(TEXT), Hiding(KEYS[0])) == value_digest(made(TEXT), Hiding(KEYS[0]))
    assert value_digest(made(TEXT), Hiding(KEYS[0])) != value_digest(made(TEXT + "!"), Hiding(KEYS[0]))
    assert one.met > 0
    if "Plain(Plain" not in made.__code__.co_names:
        assert one.hide(f"({TEXT})") == f"({HIDDEN})"


@pytest.mark.parametrize(
    "value", [{"max_tokens": "many"}, {"author": TEXT}, ["password"], {"k": "password"}, Login("u", 1)]
)
def test_what_is_no_secret_does_not_depend_on_the_key(value: Any) -> None:
    hiding = Hiding(KEYS[0])
    assert value_digest(value, hiding) == value_digest(value, Hiding(KEYS[1]))
    assert hiding.met == 0


def test_a_secret_leaves_nothing_but_is_hidden() -> None:
    hiding = Hiding(KEYS[0])
    assert value_digest({"k": Secret(TEXT)}, hiding) == value_digest({"k": Secret("x")}, Hiding(KEYS[1]))
    assert hiding.met == 0 and hiding.found == 1
    assert hiding.hide(TEXT) == HIDDEN


def test_texts_are_hidden_however_they_are_written() -> None:
    hiding = Hiding()
    secret = "quote ' and \"\n\\ tab\t ümlaut"
    hiding.note(secret)
    hiding.note(b"\x00\xffbytes of it")
    for text in (
        secret,
        repr(secret),
        str([secret]),
        '"quote \' and \\"\\n\\\\ tab\\t \\u00fcmlaut"',
        repr(b"\x00\xffbytes of it"),
        f"https://example.org/?key={urllib.parse.quote(secret)}",
        urllib.parse.urlencode({"key": secret}),
    ):
        assert "quote" not in hiding.hide(text) and "bytes of it" not in hiding.hide(text)
    assert hiding.hidden_in({"k": [secret, ("a", 1)], "password": "ab"}) == {
        "k": [HIDDEN, ("a", 1)],
        "password": HIDDEN,
    }


def test_a_header_on_the_command_line_is_hidden_by_its_name() -> None:
    shown = Hiding().hidden_command(["get", "-H", "X-API-Key: abc def", "-H", "Accept: text", "db.password=a: b", "b"])
    assert shown == f"get -H X-API-Key: {HIDDEN} -H Accept: text db.password={HIDDEN} b"


class Client:
    def __init__(self) -> None:
        self.token = TEXT

    def ask(self, n: int, *, key: str = "") -> int:
        return n


@pytest.mark.parametrize(
    "func",
    [
        Client().ask,
        functools.partial(Client().ask, password=TEXT),
        lambda n, api_key=TEXT: n,
        (lambda secret: lambda n: secret)(TEXT),
    ],
    ids=["object", "partial", "default", "closure"],
)
def test_with_a_version_secrets_at_hand_are_hidden_and_do_not_count(func: Any) -> None:
    hiding = Hiding(KEYS[0])
    print_ = fingerprint(func, version="1", hiding=hiding)
    assert hiding.hide(f"in {TEXT}") == f"in {HIDDEN}" and hiding.met == 0
    assert print_.digest == fingerprint(func, version="1", hiding=Hiding(KEYS[1])).digest


def test_what_is_depended_on_is_shown_without_its_secrets() -> None:
    print_ = fingerprint(len, depends=({"api_key": TEXT}, {"a": 1}), hiding=Hiding(KEYS[0]))
    assert [part.label for part in print_.parts if part.label.startswith("depends")] == [
        "depends <dict>",
        "depends {'a': 1}",
    ]
    assert TEXT not in str([(part.label, part.detail) for part in print_.parts])


def test_the_longest_secret_is_hidden_first() -> None:
    hiding = Hiding()
    for secret in ("abcdefgh", "abcdefgh-and-more"):
        hiding.note(secret)
    assert hiding.hide("abcdefgh-and-more abcdefgh") == f"{HIDDEN} {HIDDEN}"


def test_a_calls_secrets_are_hidden_beside_the_functions() -> None:
    outer = Hiding(KEYS[0])
    outer.note("secret of the function")
    inner = Hiding(beside=outer)
    inner.note("secret of the call")
    assert inner.key == KEYS[0]
    assert inner.hide("secret of the function, secret of the call") == f"{HIDDEN}, {HIDDEN}"
    assert outer.hide("secret of the call") == "secret of the call"
    assert inner.is_in(b"a secret of the function") and not outer.is_in(b"secret of the call")


@pytest.mark.parametrize(
    ("source", "left"),
    [
        ("token = 'abc'", []),
        ("x.api_key: str = 'abc'", []),
        ("d['secret'] = 'abc'", []),
        ("if (password := 'abc'): pass", []),
        ("f(1, password='abc', other='def')", ["def"]),
        ("h = {'Authorization': 'Bearer ' + 'abc', 'Accept': 'def'}", ["def"]),
        ("def f(n, token='abc', *, secret='ghi', k='def'): pass", ["def"]),
        ("if password == 'abc': pass", []),
        ("auth = ('u', 'abc') if x else ['ghi', f'j{k}l']", []),
        ("tokens = {'a': 'abc'}", []),
        ("tokens = ['abc']", ["abc"]),
        ("max_tokens = 'abc'", ["abc"]),
        ("token = os.environ['abc']", ["abc"]),
        ("os.getenv('API_KEY', 'abc')", []),
        ("os.environ.pop('API_KEY', 'abc')", []),
        ("setattr(o, 'password', 'abc')", []),
        ("print('the password is', 'abc')", ["abc"]),
        ("p.add_argument('--password', default='abc', help='def')", ["def"]),
        ("user, (password, n) = 'def', ('abc', 1)", ["def"]),
        ("user, *password = 'abc', 'def'", ["abc", "def"]),
        ("for token in ('abc', 'ghi'): pass", []),
        ("[x for password in ['abc']]", []),
        ("async def api_key(x): return 'abc' if x else 'ghi'", []),
        ("lambda tokenizer: 'abc'", ["abc"]),
    ],
)
def test_literals_of_secret_names_are_hidden_in_source_text(source: str, left: list[str]) -> None:
    shown = hidden_source(source, Hiding(KEYS[0]))
    assert [word for word in ("abc", "def", "ghi") if word in shown.replace("def f", "").replace("def api", "")] == left
    if "hidden" in shown:
        assert shown != hidden_source(source, Hiding(KEYS[1]))
        compile(shown, "x", "exec")


def test_text_without_secrets_and_text_that_is_no_source_stay_as_they_are() -> None:
    for text in ("a  =  'x'  # kept as it is", "token = (", "the password is 'abc'", "lambda x: (\n 'a'\n)"):
        assert hidden_source(text, Hiding()) == text


def test_a_fingerprint_has_no_text_of_a_secret_in_it_and_is_keyed() -> None:
    password = TEXT

    def uses(n: int) -> int:
        token = "another text of mine"
        return n + len(password) + len(token)

    one, other = Hiding(KEYS[0]), Hiding(KEYS[1])
    prints = [fingerprint(uses, hiding=hiding) for hiding in (one, other)]
    assert prints[0].digest != prints[1].digest
    assert fingerprint(uses, hiding=Hiding(KEYS[0])).digest == prints[0].digest
    said = "".join(part.label + part.detail for part in prints[0].parts)
    assert TEXT not in said and "another text" not in said
    differing = [a.label for a, b in zip(prints[0].parts, prints[1].parts, strict=True) if a.digest != b.digest]
    assert len(differing) == 2 and differing[0].startswith("closure password") and differing[1].startswith("code of ")


def test_bytes_that_name_a_secret_are_found() -> None:
    assert names_a_secret(b"\x80\x05\x8c\x07api_key\x94") and not names_a_secret(
        b"\x80\x05\x8c\x07max_tokens\x94author"
    )


def test_command_lines_are_shown_without_the_values_of_secret_options() -> None:
    hiding = Hiding()
    hiding.note("known secret text")
    words = [
        "job.py",
        "--token",
        "abc",
        "--auth=def",
        "API_KEY=ghi",
        "-p",
        "x",
        "--password",
        "--verbose",
        "known secret text",
    ]
    shown = hiding.hidden_command(words)
    assert shown == f"job.py --token {HIDDEN} --auth={HIDDEN} API_KEY={HIDDEN} -p x --password --verbose {HIDDEN}"
