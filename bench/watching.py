"""Run a management command as production has it, and watch how much memory it takes."""

import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

_REQUIREMENTS = Path(__file__).resolve().parent.parent / "requirements" / "production.txt"
_MANAGE = """
import sys
sys.modules.update(dict.fromkeys(sys.argv.pop(1).split()))
from manage import main
main()
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """Say how long a process took and how much memory it had at most."""

    seconds: float
    peak_mib: float


def run_command(arguments: list[str], environment: dict[str, str]) -> Ran:
    """Run a management command and watch it.

    What production does not install cannot be imported by it: libraries of ours load what they like to have where it
    is there, and tools bring 5 MiB of that. Its high-water mark is read while it runs: what the system accounts to a
    child includes what its parent had.

    :raises RuntimeError: it failed.
    """
    started = time.perf_counter()
    with tempfile.TemporaryFile() as said:
        command = [sys.executable, "-c", _MANAGE, " ".join(_only_here()), *arguments]
        process = subprocess.Popen(command, env=environment, stdout=said, stderr=said)
        peak = 0
        while True:
            try:
                process.wait(0.02)
            except subprocess.TimeoutExpired:
                peak = max(peak, _peak_kib(process.pid))
            else:
                break
        seconds = time.perf_counter() - started
        if process.returncode:
            said.seek(0)
            raise RuntimeError(f"manage.py {' '.join(arguments)} failed:\n{said.read().decode(errors='replace')}")
    return Ran(seconds=seconds, peak_mib=peak / 1024)


@cache
def _only_here() -> tuple[str, ...]:
    """Return the packages that are installed here and not by production's requirements."""
    pinned = re.findall(r"^([A-Za-z0-9._-]+)(?:\[.*\])?==", _REQUIREMENTS.read_text(), re.MULTILINE)
    kept = {_normal(name) for name in pinned}
    return tuple(
        package
        for package, distributions in packages_distributions().items()
        if kept.isdisjoint(_normal(name) for name in distributions)
    )


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _peak_kib(process_id: int) -> int:
    try:
        status = Path(f"/proc/{process_id}/status").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:")), 0)
