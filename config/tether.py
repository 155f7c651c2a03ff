"""Tie a process to its parent: where the kernel can (Linux), it ends when the parent does, even by SIGKILL.

As a script: `tether.py SIGNAL PARENT_PID USER COMMAND...` becomes the command, as that user (`-`: unchanged). The death
signal is asked for after the change of user, which clears it, and is kept across the exec. It is a script and no
`preexec_fn`, because the processes that start others have threads.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def die_with_parent(death_signal: int = signal.SIGKILL, parent: int | None = None) -> None:
    """Ask the kernel for a signal when the thread that forked us ends; end at once if it already has."""
    if not sys.platform.startswith("linux"):
        return
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
    if os.getppid() == 1 or (parent is not None and os.getppid() != parent):
        os._exit(1)


def _become(user: str) -> None:
    import pwd

    account = pwd.getpwnam(user)
    os.setgroups([])
    os.setgid(account.pw_gid)
    os.setuid(account.pw_uid)


def _main(death_signal: str, parent: str, user: str, *command: str) -> None:
    if user != "-":
        _become(user)
    die_with_parent(int(death_signal), int(parent))
    os.execv(command[0], command)


if __name__ == "__main__":
    _main(*sys.argv[1:])
