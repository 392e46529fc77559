"""The front door to what is done to a journal as a whole: verify, back up, recover, compact. Knows nothing itself."""

from __future__ import annotations

from cuebook.persistence.backup import backup
from cuebook.persistence.compaction import Compacted, compact
from cuebook.persistence.recovery import Recovered, recover
from cuebook.persistence.verification import Report, verify

__all__ = ["Compacted", "Recovered", "Report", "backup", "compact", "recover", "verify"]
