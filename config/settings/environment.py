"""The only reader of the environment. A `.env` file beside manage.py fills in what the environment does not set."""

import os
from collections.abc import Mapping
from pathlib import Path

import environ

BASE_DIR = Path(__file__).resolve().parent.parent.parent


class _Environment(environ.Env):
    # A copy: what settings provide for themselves must not leak into the processes we start.
    ENVIRON = dict(os.environ)


env = _Environment()
env.read_env(str(BASE_DIR / ".env"))

VAR_DIR = Path(env.str("VAR_DIR", default="") or BASE_DIR / "var").resolve()


def provide(defaults: Mapping[str, str]) -> None:
    """Give values to variables that are unset or empty. Production provides nothing."""
    for name, value in defaults.items():
        if not is_set(name):
            env.ENVIRON[name] = value


def is_set(name: str) -> bool:
    """Say whether a variable has a value that is not empty."""
    return bool(env.ENVIRON.get(name))
