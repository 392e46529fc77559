"""A process of root that has loaded everything, and plays other users in forks of itself: see `two_users`.

Reads orders from its standard input, a JSON object a line, and answers each with the exit status of the fork. Run
from a string, so that the functions below are the same ones in every fork, whoever may read this file.
"""

import ctypes
import json
import os
import signal
import sys
import tempfile
import traceback
from pathlib import Path

from cuebook import Checkpoint, JournalError, JournalNotTrusted, Runtime, chunk
from cuebook.cli.command import main
from cuebook.persistence.journal import new_journal
from cuebook.persistence.trust import texts as trust_texts
from cuebook.persistence.trust.users import current_user
from cuebook.persistence.values import plain_values
from tests.support import two_users

FOR_ORDERS = (JournalError, JournalNotTrusted, Path, Runtime, current_user, two_users)
LOADED = (new_journal, plain_values, trust_texts)


def double(x):
    return 2 * x


class Order:
    """An object that only code can rebuild."""

    def __init__(self, number):
        self.number = number

    def __reduce__(self):
        return Order, (self.number,)


def ordered(x):
    return Order(x)


def command(*words):
    """The command `cuebook`, in this process; its exit code."""
    return main([str(word) for word in words])


def load_everything():
    with tempfile.TemporaryDirectory() as warm, open(os.devnull, "w") as nowhere:
        a = f"{warm}/a.cue"
        chunk(double, [[1]], path=a, where="thread", chunk_size=1)
        chunk(ordered, [[1]], path=a, where="thread", chunk_size=1)
        Checkpoint.load(a).output
        before, sys.stdout = sys.stdout, nowhere
        for words in ("show", "why", "export", "verify", "watch", "show --failures", "forget --run 1", "compact"):
            first, *rest = words.split()
            command(first, a, *rest)
        command("backup", a, f"{warm}/b.cue")
        command("recover", a, "-o", f"{warm}/c.cue")
        sys.stdout = before


def play(order):
    """In a fork: become the user, and run the program."""
    signal.alarm(order["timeout"])
    for name, number in (("out", 1), ("err", 2)):
        os.dup2(os.open(order[name], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666), number)
    os.setgroups(order["groups"])
    os.setgid(order["gid"])
    os.setuid(order["uid"])
    os.umask(order["umask"])
    os.environ.pop("CUEBOOK_TRUST", None)
    os.environ.update(order["environ"])
    libc = ctypes.CDLL(None)
    code = 0
    try:
        names = globals() | {
            "arguments": order["arguments"],
            "path": order["arguments"][0] if order["arguments"] else "",
            "exchange": lambda one, other: libc.renameat2(-100, os.fsencode(one), -100, os.fsencode(other), 2),
        }
        exec(order["source"], names)
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else 1
    except BaseException as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        if not isinstance(error, JournalError):
            traceback.print_exception(error)
        code = 70
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    load_everything()
    print("ready", flush=True)
    for line in sys.stdin:
        order = json.loads(line)
        if "end" in order:
            os.kill(order["end"], signal.SIGKILL)
            print(os.waitpid(order["end"], 0), flush=True)
            continue
        child = os.fork()
        if not child:
            play(order)
        if order["waits"]:
            _, status = os.waitpid(child, 0)
            print(os.waitstatus_to_exitcode(status), flush=True)
        else:
            print(child, flush=True)
