"""One command line of the agent: each fence looks at what it would start."""

from __future__ import annotations

from ategnatos.fences import around, cli, paths
from ategnatos.fences.decision import Denied
from ategnatos.fences.estimates import Estimates
from ategnatos.fences.starts import Start, starts
from ategnatos.fences.word_reader import NotUnderstood
from ategnatos.fences.zones import Zones

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# Some of these stand in every line that starts a trainer; for all others that fence is not loaded.
_TRAINING = ("train", "tune", "run.py", "command.sh")
_PLAIN = "Write it as one plain command: no variable, no code in a string, no nested shell."


class Scene:
    """What the fences know of a call: the studio, the folder it runs in, what was shown before."""

    __slots__ = ("estimates", "folder", "guarded", "home", "programs", "text", "zones")

    def __init__(
        self,
        text: str,
        *,
        guarded: dict[str, Any],
        root: str,
        folder: str,
        home: str,
        estimates: Estimates,
    ) -> None:
        self.text = text
        self.guarded = guarded
        self.programs: dict[str, list[str]] = guarded["programs"]
        self.folder = folder
        self.home = home
        self.zones = Zones(guarded, root, home)
        self.estimates = estimates

    def guarded_word(self, text: str) -> str:
        """A word that some fence guards and that stands in ``text``; "" where none does."""
        lowered = text.lower()
        for command in self.guarded["person_only"]:
            verb = command.split()[-1]
            if "ategnatos" in lowered and verb in lowered:
                return f"ategnatos ... {verb}"
        for place in self.zones.names:
            if place in text:
                return str(place)
        for group in ("secret_variables", "provider_hosts", "trainer_scripts"):
            for name in self.guarded[group]:
                if name.lower() in lowered:
                    return str(name)
        for port in self.guarded["server_ports"]:
            if f":{port}" in text:
                return f"port {port}"
        for name in ("approver.key", "/dev/tty", "/dev/pts", ".env", "/environ"):
            if name in text:
                return name
        return ""


def check(scene: Scene) -> None:
    """Raise Denied where a fence stands in the way of ``scene``'s line."""
    variables = {"HOME": scene.home, "PWD": scene.folder}
    if scene.zones.root:
        variables["CLAUDE_PROJECT_DIR"] = scene.zones.root
    try:
        found = starts(scene.text, variables=variables, home=scene.home, folder=scene.folder)
    except NotUnderstood as reason:
        if word := scene.guarded_word(scene.text):
            raise Denied(
                "plain",
                f"This line could not be read for certain ({reason}), and it names {word}.",
                _PLAIN,
            ) from reason
        return
    for start in found:
        _look(scene, start)


def written_by(text: str, guarded: dict[str, Any], *, root: str, folder: str) -> list[str]:
    """Absolute paths that a line would write, as far as they are known; [] for an unclear line."""
    import os

    home = os.path.expanduser("~")
    try:
        found = starts(text, variables={"HOME": home, "PWD": folder}, home=home, folder=folder)
    except NotUnderstood:
        return []
    scene = Scene(
        text,
        guarded=guarded,
        root=root,
        folder=folder,
        home=home,
        estimates=Estimates("", "", guarded["price_option"]),
    )
    written: list[str] = []
    for start in found:
        if start.known_folder:
            written += [
                scene.zones.resolve(word.text, start.folder)
                for word in paths.all_written(scene, start)
                if word.known
            ]
    return [one for one in written if not _device(one)]


def _device(path: str) -> bool:
    """Whether it is no file that keeps what is written: /dev/null, a terminal. Memory is one."""
    return path.startswith("/dev/") and not path.startswith("/dev/shm/")  # noqa: S108 - no use of it


def _look(scene: Scene, start: Start) -> None:
    cli.check(scene, start)
    around.check(scene, start)
    if any(mark in word.text.lower() for word in start.words for mark in _TRAINING):
        from ategnatos.fences import training

        training.check(scene, start)
    if start.unsure and (word := scene.guarded_word(scene.text)):
        harmless = start.name in scene.programs["readers"] and not start.code
        if not harmless or start.name in ("", "eval"):
            raise Denied(
                "plain",
                f"What this runs cannot be known beforehand ({start.unsure}), and the line names "
                f"{word}.",
                _PLAIN,
            )
    if start.code and (word := scene.guarded_word(start.code)):
        raise Denied(
            "plain",
            f"Code inside a command names {word}; what it does there cannot be read for certain.",
            "Use the command that exists for it: see 'ategnatos --help'. To look at a picture use "
            "'ategnatos art info FILE' or read the file.",
        )
    paths.check(scene, start)
