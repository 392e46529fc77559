"""One folder that the programs of the soak share, and all that must hold of it after each of them, however it ended."""

from __future__ import annotations

import contextlib
import io
import os
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from random import Random

from cuebook.cli.command import main
from tests.soak.programs import REMINDED, TRAINED

ROOT = str(Path(__file__).parent.parent.parent)
COMMANDS = ("verify", "show", "show --json", "show --failures", "why", "export --all", "profile")
SLOW_S, END_S, PATIENCE_S = 5.0, 120.0, 15.0
ENDINGS = (
    "JournalFull", "JournalUnavailable", "JournalError", "StoreFull", "RunStopped", "WorkerDied", "CheckpointRefused",
    "KeyboardInterrupt", "ActorFailed", "No space left", "File too large", "interrupted", "killed (by", "disk is full", "RuntimeStopped",
)  # fmt: skip
"""What a program that was disturbed may end with."""
FORBIDDEN = ("InternalError", "was never retrieved", "never awaited", "malformed", "AssertionError", "Segmentation")
SMALL_DISK = 1 << 30


class Broken(AssertionError):
    """Something that must hold does not."""


class World:
    """A folder with journals of all kinds.

    Args:
        folder: where it may lie; on a disk of less than a gigabyte the disk is filled now and then.
        seed: of all chance in it.
    """

    def __init__(self, folder: Path, outside: Path, seed: int) -> None:
        self.folder, self.outside, self.chance = folder, outside, Random(seed)
        self.ledger, self.temporary = outside / "ledger", outside / "temporary"
        self.mark = f"soak-{os.getpid()}-{seed}"
        self.ends: Counter[str] = Counter()
        self.slowest: Counter[str] = Counter()
        for each in (folder, outside, self.temporary):
            each.mkdir(parents=True, exist_ok=True)
        self.ledger.touch()

    def environment(self, **more: str) -> dict[str, str]:
        """Of its programs."""
        own = {"SOAK_LEDGER": str(self.ledger), "SOAK_MARK": self.mark, "TMPDIR": str(self.temporary)}
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        kept = {**os.environ, **own, "PYTHONPATH": ROOT, "PATH": path, "CUEBOOK_DIR": str(self.folder / ".cuebook")}
        return {**kept, "PYTHONDONTWRITEBYTECODE": "1", **more}

    def run(self, name: str, epoch: int, disturbance: str, **more: str) -> str:
        """One program from its start to its end, with one disturbance at some moment; gives what it printed."""
        command = [sys.executable, "-m", "tests.soak.programs", name, str(self.folder), str(epoch)]
        command.append(str(self.chance.randrange(1 << 40)))
        if name == "experiment":
            options = ["--name", f"e{epoch}", "--out", "out.json", "--", *command[:3], "trained"]
            command = [sys.executable, "-m", "cuebook", "exp", "run", *options]
        running = subprocess.Popen(  # noqa: S603
            command, cwd=self.folder, env=self.environment(**more), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            start_new_session=True,
        )  # fmt: skip
        disturber = threading.Thread(target=self._disturb, args=(running, disturbance))
        disturber.start()
        try:
            out, err = running.communicate(timeout=END_S)
        except subprocess.TimeoutExpired:
            os.kill(running.pid, signal.SIGABRT)  # the watchdog of faults shows where it stands
            raise Broken(f"{name} after {disturbance} did not end: {running.communicate()[1][-3000:]!r}") from None
        finally:
            disturber.join()
        text = err.decode(errors="replace")
        self.ends[f"{name} {disturbance} {running.returncode}"] += 1
        self._check_end(name, disturbance, running.returncode, text)
        self._check_processes(name, disturbance)
        if running.returncode == 0 and name != "experiment":
            self._check_leftovers(name, disturbance)
        return out.decode()

    def _disturb(self, running: subprocess.Popen[bytes], disturbance: str) -> None:
        if disturbance == "none":
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            running.wait(self.chance.choice((self.chance.uniform(0.1, 0.8), self.chance.uniform(0.5, 2))))
        if running.poll() is not None:
            return
        with contextlib.suppress(ProcessLookupError, FileNotFoundError, PermissionError):
            if disturbance in {"SIGKILL", "SIGTERM", "SIGINT"}:
                os.kill(running.pid, getattr(signal, disturbance))
            elif disturbance == "worker":
                others = [pid for pid in self.processes() if pid != running.pid]
                if others:
                    os.kill(self.chance.choice(others), signal.SIGKILL)
            elif disturbance == "small files":
                size = self.chance.choice((1 << 16, 1 << 18, 1 << 20))
                resource.prlimit(running.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
            elif disturbance == "full disk":
                self._fill()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    running.wait(self.chance.uniform(0.5, 3))
                (self.folder / "ballast").unlink(missing_ok=True)

    def _fill(self) -> None:
        with contextlib.suppress(OSError), (self.folder / "ballast").open("wb", buffering=0) as file:
            left = self.chance.choice((0, 8192, 100_000))
            room = shutil.disk_usage(self.folder).free - left
            while room > 0:
                room -= file.write(bytes(min(room, 1 << 20)))

    def processes(self) -> list[int]:
        """Those that its programs have started, and these."""
        found = []
        for each in os.scandir("/proc"):
            if each.name.isdigit() and int(each.name) != os.getpid():
                with contextlib.suppress(OSError):
                    if f"SOAK_MARK={self.mark}".encode() in Path(each.path, "environ").read_bytes().split(b"\0"):
                        found.append(int(each.name))
        return found

    def _check_end(self, name: str, disturbance: str, code: int, text: str) -> None:
        what = f"{name} after {disturbance}: code {code}: {text[-3000:]}"
        if any(word in text for word in FORBIDDEN) or "\x1b" in text:
            raise Broken(what)
        if disturbance == "none" and code:
            raise Broken(what)
        signalled = {"SIGKILL": (-9,), "SIGTERM": (-15, 143, 1), "SIGINT": (-2, 130, 1)}.get(disturbance, ())
        if code and code not in signalled and not any(word in text for word in ENDINGS):
            raise Broken(what)

    def _check_processes(self, name: str, disturbance: str) -> None:
        end = time.monotonic() + PATIENCE_S
        while left := self.processes():
            if time.monotonic() > end:
                shown = [Path(f"/proc/{pid}/cmdline").read_bytes() for pid in left if Path(f"/proc/{pid}").exists()]
                raise Broken(f"{name} after {disturbance} has left processes: {shown}")
            time.sleep(0.02)

    def _check_leftovers(self, name: str, disturbance: str) -> None:
        journal = {"calls": "calls.cue", "checkpoints": "trained.cue", "actors": "actors.cue", "audit": "actors.cue"}
        ends = (".part",) if disturbance in {"small files", "full disk"} else ("-wal", "-shm", "-journal", ".part")
        path = self.folder / journal.get(name, ".cuebook")
        left = [f"{path}{end}" for end in ends if os.path.lexists(f"{path}{end}")]
        left += [each for each in os.listdir(self.temporary) if name == "calls"]  # noqa: PTH208
        if left:
            raise Broken(f"{name} after {disturbance} has left {left}")

    def journals(self) -> list[Path]:
        """All of them."""
        patterns = ("*.cue", ".cuebook/experiments/*/journal", ".cuebook/jobs/*/job.cuebook")
        return sorted(path for pattern in patterns for path in self.folder.glob(pattern))

    def check(self) -> None:
        """The ledger holds, and every command has an answer for every journal."""
        self._check_ledger()
        for path in self.journals():
            before = {each.name for each in path.parent.iterdir()}
            for command in COMMANDS:
                self._ask(path, command)
            left = {each.name for each in path.parent.iterdir()} - before
            if left:
                raise Broken(f"commands have left {left} beside {path}")

    def _ask(self, path: Path, command: str) -> None:
        name, *options = command.split()
        out, err, began = io.StringIO(), io.StringIO(), time.process_time()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = main([name, str(path), *options])
        took = time.process_time() - began
        self.slowest[command] = max(self.slowest[command], round(1000 * took))
        said = out.getvalue()[-500:] + err.getvalue()[-3000:]
        allowed = {0, 3} if name == "verify" else {0, 1, 3}
        if code not in allowed or "Traceback (most" in err.getvalue() or "\x1b" in out.getvalue() or took > SLOW_S:
            raise Broken(f"{command} {path}: code {code}, {took:.1f} s: {said}")

    def _check_ledger(self) -> None:
        handed_out: set[str] = set()
        for line in self.ledger.read_text().splitlines():
            kind, _, key = line.partition(" ")
            if kind == "d":
                handed_out.add(key)
            elif kind == "b" and key in handed_out:
                raise Broken(f"{key} was made again after its result had been handed out")
            elif kind == "failed" and not self._may_fail(*key.split()):
                raise Broken(f"unexpected: {line}")

    def _may_fail(self, key: str, error_type: str) -> bool:
        return int(key[1:]) % 17 == 0 or error_type in {"WorkerDied", "OSError", "JournalFull"}

    def audit(self, epoch: int) -> None:
        """What actors were told is there, once."""
        told = [line.split()[:2] for line in self.ledger.read_text().splitlines() if line.startswith(("asked", "told"))]
        count = Counter(map(tuple, told))
        out = self.run("audit", epoch, "none", SOAK_REMINDERS=str(count["told", "remind"]))
        sums = int(out.split("sum")[1])
        for kind, found in (("deposit", sums % REMINDED), ("remind", sums // REMINDED)):
            if not count["told", kind] <= found <= count["asked", kind]:
                raise Broken(f"{kind}: told of {count['told', kind]}, asked {count['asked', kind]}, found {found}")

    def check_experiment(self, epoch: int) -> None:
        """It ends in what an undisturbed one gives."""
        self.run("experiment", epoch, "none")
        total = sum(step * step for step in range(TRAINED))
        if (self.folder / "out.json").read_text() != f"[{TRAINED}, {total}]":
            raise Broken(f"experiment {epoch}: {(self.folder / 'out.json').read_text()}")
