"""Defaults of `chunk()` and `Chunker`; looked up at each call, so a change counts from then on.

Knows nothing of who reads them.
"""

from __future__ import annotations

import os
from typing import Any

default_chunk_size: int = os.cpu_count() or 1
"""Calls that run at once where `chunk_size` is not given: the CPUs of this machine."""

ray_config: dict[str, Any] = {"num_cpus": default_chunk_size}
"""Arguments of `ray.init()`. Only used where actors of ray are given and ray is not running."""

progress_bar: bool = True
"""Whether a progress bar is shown where standard error is a terminal."""
