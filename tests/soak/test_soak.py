"""A soak: programs of all kinds in one folder, killed, robbed of workers and of room, for as long as one likes.

CUEBOOK_SOAK_S says for how long (20 seconds), CUEBOOK_SOAK_SEED repeats one, and CUEBOOK_SOAK_DIR is where the folder
lies: on a file system of its own of some 64 MB, which is then filled now and then.
"""

from __future__ import annotations

import os
import random
import shutil
import sys
import time
from pathlib import Path

import pytest

from tests.soak.world import SMALL_DISK, World

SECONDS = float(os.environ.get("CUEBOOK_SOAK_S", "20"))
SEED = int(os.environ.get("CUEBOOK_SOAK_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 30)
WORLD_ROUNDS = 60
NAMES = ("calls", "calls", "checkpoints", "actors", "jobs", "experiment")
DISTURBANCES = ("none", "SIGKILL", "SIGKILL", "SIGTERM", "SIGINT", "worker", "worker", "small files", "full disk")


def soaked(folder: Path, outside: Path, seed: int, end: float) -> World:
    """One world until its end, or ours."""
    world, chance = World(folder, outside, seed), random.Random(seed)
    epochs = dict.fromkeys(NAMES, 0)
    has_small_disk = shutil.disk_usage(folder).total < SMALL_DISK
    for _ in range(WORLD_ROUNDS):
        if time.monotonic() > end:
            break
        name, disturbance = chance.choice(NAMES), chance.choice(DISTURBANCES)
        if disturbance == "full disk" and not has_small_disk:
            disturbance = "small files"
        world.run(name, epochs[name], disturbance)
        world.check()
        if disturbance == "none":
            epochs[name] += 1
    for name in NAMES:
        world.run(name, epochs[name], "none")
    world.audit(epochs["actors"])
    world.run("resident", 0, "none")
    world.check_experiment(epochs["experiment"])
    world.check()
    return world


@pytest.mark.slow
@pytest.mark.timeout(SECONDS * 2 + 300)
def test_what_was_handed_out_is_never_made_again_and_nothing_is_left_whatever_happens(tmp_path: Path) -> None:
    end, seed, number = time.monotonic() + SECONDS, SEED, 0
    base = Path(os.environ.get("CUEBOOK_SOAK_DIR", tmp_path))
    while number == 0 or time.monotonic() < end:
        folder = base / f"world-{number}"
        try:
            world = soaked(folder, tmp_path / f"outside-{number}", seed, end)
        except AssertionError as error:
            raise AssertionError(f"seed {seed}, world {number}, in {folder}") from error
        print(number, dict(world.ends), dict(world.slowest), file=sys.stderr, flush=True)
        shutil.rmtree(folder)
        seed, number = seed + 1, number + 1
