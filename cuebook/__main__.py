"""`python -m cuebook` is the command."""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> None:
    """Run the command and exit with its code."""
    from cuebook.cli.command import main as run

    sys.exit(run())


if __name__ == "__main__":
    main()
