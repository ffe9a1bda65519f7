"""The check that nobody else can change the files of a directory before they run.

The files of a store are code. They are used only if they belong to this user, to root or to a user
listed in `IR_RUNTIME_TRUSTED_USERS`, and if nobody else can write to them or replace them.
"""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path

from ir_runtime.errors import ArgumentError, UntrustedStoreError
from ir_runtime.fork_lock import fork_waits
from ir_runtime.frozen import frozen
from ir_runtime.settings import current_settings

__all__ = ["check_trusted", "make_private", "why_changeable"]

_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
_MOST_LINKS = 40  # as many as the system follows


def check_trusted(path: Path, subject: str, variable: str) -> None:
    """Refuse a directory that somebody else could change; a missing directory is accepted.

    Its parents count, too: a user with write access to one can replace the directory by another.

    Args:
        path: an absolute path.
        subject: the name of the directory in the message.
        variable: the setting that holds its path.

    Raises:
        UntrustedStoreError: the directory or a parent belongs to somebody else, or somebody else
            can write to it.
    """
    problem = _find_problem(path)
    if problem is None:
        return
    where = "" if problem.at == path else f" through {problem.at}"
    raise UntrustedStoreError(
        f"{subject}: others can change it{where}, must be writable by this user and root alone",
        facts=[f"{problem.at} {problem.what}"],
        fix=f"{problem.fix}, or name another directory with {variable}",
    )


def why_changeable(found: os.stat_result) -> str | None:
    """Say why somebody else could change a file or directory; None if nobody else can."""
    if found.st_uid not in _trusted_users():
        return f"belongs to user {_user(found.st_uid)}"
    if found.st_mode & _OTHERS_WRITE and not stat.S_ISLNK(found.st_mode):
        return f"has mode {stat.S_IMODE(found.st_mode):04o}"
    return None


def make_private(path: Path) -> None:
    """Make a directory, and its missing parents, for this user alone, whatever the umask is.

    Raises:
        OSError: it cannot be made.
    """
    try:
        path.mkdir(mode=0o700)
    except FileNotFoundError:
        make_private(path.parent)
        make_private(path)
    except OSError:
        if not path.is_dir():
            raise


@frozen
class _Problem:
    at: Path
    what: str
    fix: str


def _find_problem(path: Path) -> _Problem | None:
    """Walk from the root of the file system to `path`, along symbolic links."""
    at, links = Path("/"), 0
    pending = list(reversed(path.absolute().parts[1:]))
    while pending:
        part = pending.pop()
        if part == "..":
            at = at.parent
            continue
        try:
            found = (at / part).lstat()
        except OSError:
            return None  # it does not exist yet, so this user will own it
        if stat.S_ISLNK(found.st_mode):
            # The link itself counts: its owner can point it elsewhere.
            problem = _problem_of(at / part, found, is_parent=True)
            links += 1
            if problem is not None or links > _MOST_LINKS:
                return problem
            target = (at / part).readlink()
            at = Path("/") if target.is_absolute() else at
            pending.extend(reversed(target.parts[1 if target.is_absolute() else 0 :]))
            continue
        at /= part
        problem = _problem_of(at, found, is_parent=bool(pending))
        if problem is not None:
            return problem
    return None


def _problem_of(path: Path, found: os.stat_result, *, is_parent: bool) -> _Problem | None:
    what = why_changeable(found)
    if what is None or (is_parent and _is_safe_parent(found)):
        return None
    if found.st_uid not in _trusted_users():
        trust = f"set IR_RUNTIME_TRUSTED_USERS={found.st_uid} if you trust that user"
        return _Problem(path, f"{what}, must belong to {_user(os.geteuid())} or root", trust)
    fix = f"chmod go-w {path}" if is_parent else f"chmod -R go-w {path} if you trust its files"
    return _Problem(path, f"{what}, must not be writable by its group or others", fix)


def _is_safe_parent(found: os.stat_result) -> bool:
    """Tell whether nobody else can replace a trusted user's entries in a directory."""
    if found.st_uid not in _trusted_users():
        return False
    if found.st_mode & stat.S_ISVTX:
        return True
    return not found.st_mode & stat.S_IWOTH and _is_private_group(found.st_gid, found.st_uid)


@fork_waits()
def _is_private_group(group: int, user: int) -> bool:
    """Tell whether a group has one user alone; many systems make such a group for each user."""
    import grp
    import pwd

    with contextlib.suppress(KeyError):
        owner, named = pwd.getpwuid(user), grp.getgrgid(group)
        same = owner.pw_gid == group and named.gr_name == owner.pw_name
        return user != 0 and same and set(named.gr_mem) <= {owner.pw_name}
    return False


def _trusted_users() -> set[int]:
    """Return this user, root, the owner of `/` (root outside a container) and the listed users."""
    own = {os.geteuid(), 0, Path("/").stat().st_uid}
    listed = current_settings().trusted_users or ""
    return own | {_number_of(name.strip()) for name in listed.split(",") if name.strip()}


@fork_waits()
def _number_of(name: str) -> int:
    if name.isdecimal():
        return int(name)
    import pwd

    try:
        return pwd.getpwnam(name).pw_uid
    except KeyError:
        raise ArgumentError(
            f"IR_RUNTIME_TRUSTED_USERS: {name!r} is no user, must be names or numbers of users"
        ) from None


@fork_waits()
def _user(number: int) -> str:
    import pwd

    with contextlib.suppress(KeyError):
        return f"{pwd.getpwuid(number).pw_name} ({number})"
    return str(number)
