"""A program's settings for a process that somebody else starts, maybe on another machine. Knows no call."""

from __future__ import annotations

import os
import pickle
from collections.abc import Mapping

__all__ = ["as_elsewhere", "changed_here"]

_OF_THE_MACHINE = frozenset(
    b"PATH HOME USER LOGNAME SHELL PWD OLDPWD HOSTNAME TMPDIR TEMP TMP LD_LIBRARY_PATH LD_PRELOAD DYLD_LIBRARY_PATH "
    b"VIRTUAL_ENV CONDA_PREFIX PYTHONPATH PYTHONHOME SHLVL _ XDG_RUNTIME_DIR SSH_AUTH_SOCK DISPLAY "
    b"CUDA_VISIBLE_DEVICES HIP_VISIBLE_DEVICES ROCR_VISIBLE_DEVICES TPU_VISIBLE_CHIPS NEURON_RT_VISIBLE_CORES".split()
)
_OF_THE_CLUSTER = (b"RAY_", b"DASK_", b"SLURM_", b"PBS_", b"LSB_", b"SGE_", b"KUBERNETES_", b"OMPI_", b"PMI_")


def as_elsewhere(program: bytes) -> bytes:
    """A program as `take_program` gives it, with no more of its environment than it has set itself.

    Another machine has a PATH, a home and devices of its own.
    """
    found = pickle.loads(program)
    return pickle.dumps({**found, "environment": changed_here(found["environment"], _at_start())}, 5)


def changed_here(now: Mapping[bytes, bytes], at_start: Mapping[bytes, bytes]) -> dict[bytes, bytes]:
    """Variables that a program has set since its start, without those that name a place on its machine.

    >>> changed_here({b"SEED": b"3", b"LANG": b"C", b"PATH": b"/x"}, {b"LANG": b"C"})
    {b'SEED': b'3'}
    """
    return {
        name: value
        for name, value in now.items()
        if at_start.get(name) != value and name not in _OF_THE_MACHINE and not name.startswith(_OF_THE_CLUSTER)
    }


def _at_start() -> dict[bytes, bytes]:
    """The environment that this process was started with, as far as the system says."""
    try:
        with open("/proc/self/environ", "rb") as file:
            entries = file.read().split(b"\0")
    except OSError:
        return dict(os.environb)
    return dict(entry.split(b"=", 1) for entry in entries if b"=" in entry)
