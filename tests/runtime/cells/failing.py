"""What tests of failures have in common."""

from __future__ import annotations

from cuebook.runtime.policy.restarts import Backoff

QUICK = Backoff(first_s=0.0, jitter=0.0)
