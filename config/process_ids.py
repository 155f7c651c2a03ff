import os


def is_alive(pid: int) -> bool:
    """Say whether a process of this machine has this id, whoever it belongs to."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
