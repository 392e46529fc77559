"""What all tests share: programs that they start find this copy of the library, whatever is installed, and Ctrl-C."""

from __future__ import annotations

import os
import signal
from pathlib import Path

os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH"))))
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as in a shell's background jobs, and children inherit it
    signal.signal(signal.SIGINT, signal.default_int_handler)
