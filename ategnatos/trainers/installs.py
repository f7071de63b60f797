"""Whether a trainer is installed: asked of the machine it will run on, by plain commands."""

from __future__ import annotations

from collections.abc import Sequence

from ategnatos.trainers import Ask, Installed

_PYTHONS = ("venv/bin/python", ".venv/bin/python")


def checkout(
    ask: Ask,
    home: str,
    given: str = "",
    *,
    title: str,
    marks: Sequence[str],
    modules: Sequence[str],
    get: str,
    packages: str = "-r {home}/requirements.txt",
    version_in: str = "",
) -> Installed:
    """A trainer that runs from its checkout at ``home``: its files, its Python (the ``given`` one,
    else that of the checkout's own virtual environment, else python3), and its packages, which
    ``pip install`` brings with ``packages``. Its version is its newest tag, or what the file
    ``version_in`` says of itself.

    Never raises: what cannot be asked is not there.
    """
    if not home:
        return Installed(
            False,
            f"It is not said where {title} lies.",
            hint=f"{get}, and name the folder with --home.",
        )
    absent = [one for one in marks if not _ran(ask, ["test", "-e", f"{home}/{one}"])[0]]
    if absent:
        return Installed(
            False,
            f"{home} is no checkout of {title}: {', '.join(absent)} are missing.",
            home=home,
            hint=get,
            missing=tuple(absent),
        )
    if "/" in given and not _ran(ask, ["test", "-x", given])[0]:
        return Installed(
            False,
            f"There is no Python at {given}.",
            hint="Name that of the trainer's virtual environment with --python.",
            home=home,
            missing=tuple(modules),
        )
    python = given or next(
        (f"{home}/{one}" for one in _PYTHONS if _ran(ask, ["test", "-x", f"{home}/{one}"])[0]),
        "python3",
    )
    commit = _ran(ask, ["git", "-C", home, "rev-parse", "HEAD"])
    says = ["git", "-C", home, "describe", "--tags", "--abbrev=0"]
    if version_in:
        says = [
            "sed",
            "-n",
            *("-e", "s/^__version__ *= *[\"']\\([^\"']*\\).*/\\1/p"),
            *("-e", "s/^VERSION *= *[\"']\\([^\"']*\\).*/\\1/p"),
            f"{home}/{version_in}",
        ]
    version = _ran(ask, says)
    lacking = missing_modules(ask, python, modules)
    message = f"{title} lies in {home}" + (f" at {commit[1][:12]}" if commit[0] else "")
    return Installed(
        not lacking,
        message + (f"; {python} lacks {', '.join(lacking)}." if lacking else "."),
        home,
        python,
        version[1] if version[0] else "",
        commit[1] if commit[0] else "",
        f"{python} -m pip install {packages.format(home=home)}" if lacking else "",
        tuple(lacking),
    )


def missing_modules(ask: Ask, python: str, modules: Sequence[str]) -> list[str]:
    """Those of ``modules`` that ``python`` does not find; all where it does not run."""
    code = (
        "import importlib.util, sys;"
        "print(*[m for m in sys.argv[1:] if importlib.util.find_spec(m) is None])"
    )
    fine, text = _ran(ask, [python, "-c", code, *modules])
    return [one for one in text.split() if one in modules] if fine else list(modules)


def _ran(ask: Ask, command: Sequence[str]) -> tuple[bool, str]:
    try:
        status, text = ask(command)
    except Exception:  # noqa: BLE001 - a machine that cannot be asked has nothing installed
        return False, ""
    return status == 0, text.strip()
