"""What verdicts on a journal's files are called, and what their reader can do: the one place that has the words."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

from cuebook.errors import JournalNotTrusted
from cuebook.persistence.trust.file_status import status_of
from cuebook.persistence.trust.option import VARIABLE, name_of
from cuebook.persistence.trust.users import current_user, group_name, user_name
from cuebook.persistence.trust.verdicts import Finding, Untouchable, User, Verdict, Why, Writers, refused_alone

__all__ = ["new_journal_text", "not_trusted", "reason_of", "refusal", "refusal_of", "ways_out"]


def reason_of(finding: Finding, path: Path) -> str:
    """What was found, in words; `path` is the journal's."""
    at, folder = f"{path}{finding.name}", path.parent
    mode = f"(mode {finding.mode:04o})"
    texts: dict[Why, Callable[[], str]] = {
        Why.OWNER: lambda: f"{at} belongs to {user_name(finding.who)}",
        Why.LINKS: lambda: f"{at} has {finding.who} names (hard links)",
        Why.EVERYONE: lambda: f"everybody can write to {at} {mode}",
        Why.GROUP: lambda: f"group {group_name(finding.who)} can write to {at} {mode}",
        Why.LISTED_USER: lambda: f"an access list lets {user_name(finding.who)} write to {at}",
        Why.LISTED_GROUP: lambda: f"an access list lets group {group_name(finding.who)} write to {at}",
        Why.FOLDER_OWNER: lambda: f"its folder {folder} belongs to {user_name(finding.who)}, who can replace it",
        Why.FOLDER_EVERYONE: lambda: f"everybody can replace it: its folder {folder} is open to all {mode}",
        Why.FOLDER_GROUP: lambda: (
            f"group {group_name(finding.who)} can replace it: its folder {folder} is open to them {mode}"
        ),
        Why.FOLDER_LISTED_USER: lambda: (
            f"{user_name(finding.who)} can replace it: an access list opens its folder {folder} to them"
        ),
        Why.FOLDER_LISTED_GROUP: lambda: (
            f"group {group_name(finding.who)} can replace it: an access list opens its folder {folder} to them"
        ),
        Why.MOVED: lambda: f"{at} was exchanged while it was being opened",
        Why.LINK: lambda: f"{at} is a link, made by {user_name(finding.who)}, and none is followed there",
        Why.NOT_REGULAR: lambda: f"{at} is {_kind(finding.mode)}, where a plain file belongs",
        Why.NOT_A_FOLDER: lambda: f"{at} is {_kind(finding.mode)}, where a folder belongs",
        Why.FOREIGN: lambda: f"{at} belongs to {user_name(finding.who)}, not to you",
    }
    return texts[finding.why]()


def _kind(mode: int) -> str:
    names = {
        stat.S_IFDIR: "a folder",
        stat.S_IFREG: "a file",
        stat.S_IFIFO: "a FIFO",
        stat.S_IFSOCK: "a socket",
        stat.S_IFCHR: "a device",
        stat.S_IFBLK: "a device",
    }
    return names.get(stat.S_IFMT(mode), "something else")


def ways_out(verdict: Verdict, path: Path, user: User | None, *, is_new: bool = False) -> str:
    """What the reader can do about a verdict, most careful first; of a new journal nothing has to be moved."""
    finding = verdict.finding
    assert finding is not None
    option = name_of(verdict.writers)
    leaving = "another path, in a folder that only you can write to"
    if finding.why.name.startswith("FOLDER") and not is_new:
        leaving = f"the journal, with all files called {path.name}*, moved to a folder that only you can write to"
    ways = [
        *([] if user is None else _by_rights(finding, path, user)),
        f'trust="{option}" (or {VARIABLE}={option} in the environment), if you trust {_whom(finding)}',
        leaving,
    ]
    return "; or ".join(ways)


_ONE_USER = {Why.OWNER, Why.LISTED_USER, Why.FOLDER_OWNER, Why.FOLDER_LISTED_USER}
_ONE_GROUP = {Why.GROUP, Why.LISTED_GROUP, Why.FOLDER_GROUP, Why.FOLDER_LISTED_GROUP}


def _whom(finding: Finding) -> str:
    if finding.why in _ONE_USER:
        return user_name(finding.who)
    return f"all of group {group_name(finding.who)}" if finding.why in _ONE_GROUP else "all users of this machine"


def _by_rights(finding: Finding, path: Path, user: User) -> list[str]:
    """How the rights are taken away, where this user can do that."""
    if finding.why is Why.LINKS:
        return ["remove its other names"]
    if finding.why is Why.FOLDER_OWNER and user.uid == 0:
        return [f"run as {user_name(finding.who)}"]
    place = path.parent if finding.why.name.startswith("FOLDER") else Path(f"{path}{finding.name}")
    rights = "go-w" if finding.mode & stat.S_IWGRP else "o-w"
    sticky = f"(or `chmod +t {place}`: they can add files then, not replace yours)"
    ways = {
        Why.EVERYONE: f"`chmod {rights} {place}`",
        Why.GROUP: f"`chmod g-w {place}`",
        Why.LISTED_USER: f"`setfacl -b {place}`",
        Why.LISTED_GROUP: f"`setfacl -b {place}`",
        Why.FOLDER_EVERYONE: f"`chmod {rights} {place}` {sticky}",
        Why.FOLDER_GROUP: f"`chmod g-w {place}` {sticky}",
        Why.FOLDER_LISTED_USER: f"`setfacl -b {place}`",
        Why.FOLDER_LISTED_GROUP: f"`setfacl -b {place}`",
    }
    return [ways[finding.why]] if finding.why in ways and _is_owner(place, user) else []


def _is_owner(place: Path, user: User) -> bool:
    try:
        return user.uid in {0, os.lstat(place).st_uid}
    except OSError:
        return False


def not_trusted(verdict: Verdict, path: Path, needed: str) -> JournalNotTrusted:
    """The error for a journal that would have to be trusted, and is not.

    Args:
        verdict: on the journal. path: of the journal.
        needed: what needs the trust, as the beginning of a sentence.
    """
    assert verdict.finding is not None
    reason = reason_of(verdict.finding, path)
    ways = ways_out(verdict, path, current_user())
    text = f"{needed}, and others may have written to it: {reason}. Nothing was run or changed. Ways out: {ways}"
    return JournalNotTrusted(text, path=str(path), reason=reason)


def refusal(refused: Untouchable, path: Path) -> JournalNotTrusted:
    """The error for what stands beside a journal (or in its place) and is not what it should be."""
    reason = reason_of(refused.finding, path)
    way = "Remove it, or put back what belongs there"
    if refused.finding.why is Why.FOREIGN:
        way = "Have it removed by its owner or by root, or move your own files to a folder that only you can write to"
    elif refused.finding.why is Why.LINKS:
        way = "Remove its other names, or put a copy in its place"
    text = f"{reason}. It would be taken for a part of the journal, so nothing was opened. {way}"
    return JournalNotTrusted(text, path=f"{path}{refused.finding.name}", reason=reason)


def refusal_of(path: str, found: os.stat_result, *, is_folder: bool = False) -> JournalNotTrusted:
    """The error for one file or folder that is not what it should be, or not this user's."""
    user = current_user() or User(found.st_uid)
    refused = refused_alone(status_of(found), user, is_folder=is_folder)
    if refused is None:  # it was, a moment ago
        refused = Untouchable(Finding(Why.MOVED))
    return refusal(refused, Path(path))


def new_journal_text(verdict: Verdict, path: Path) -> str:
    """What is said when a journal is made that others can write to."""
    assert verdict.finding is not None
    which = (
        "what only code can rebuild (objects of your own classes)" if verdict.writers is Writers.GROUP else "results"
    )
    ways = ways_out(verdict, path, current_user(), is_new=True)
    reason = reason_of(verdict.finding, path)
    return f"the new journal {path} is not private: {reason}. A later run takes {which} from it only with: {ways}"
