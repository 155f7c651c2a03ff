"""The files in which the processes of one machine keep their counts; without Django, for gunicorn's master."""

from contextlib import suppress
from pathlib import Path

from config.process_ids import is_alive


def remove_what_dead_processes_left(directory: Path) -> None:
    """Delete the counts of processes that are gone; called when the web starts, for a sum must not shrink later."""
    directory.mkdir(parents=True, exist_ok=True)
    for file in directory.glob("*_*.db"):
        with suppress(ValueError, OSError):
            if not is_alive(int(file.stem.rpartition("_")[2])):
                file.unlink()
