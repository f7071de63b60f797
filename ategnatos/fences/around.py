"""Fences around what the command line stands for: servers, providers, terminals."""

from __future__ import annotations

from ategnatos.fences.decision import Denied

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ategnatos.fences.line import Scene
    from ategnatos.fences.starts import Start

_FETCHERS = frozenset(
    ("curl", "wget", "http", "https", "xh", "curlie", "aria2c", "httpie", "nc", "ncat")
)
_TERMINALS = ("/dev/tty", "/dev/pts/", "/dev/console")
_LOOKS_ONLY = frozenset(("--help", "-h", "--version"))


def check(scene: Scene, start: Start) -> None:
    """Raise Denied for what goes around ``ategnatos``, and for answers typed for a person."""
    texts = [word.text for word in start.words[1:]]
    _terminals(start, texts)
    if start.name in _FETCHERS:
        _network(scene, texts)
    _providers(scene, start, texts)


def _terminals(start: Start, texts: list[str]) -> None:
    into = [word.text for _, word in start.command.redirects]
    reached = into + (texts if start.name in ("tee", "dd", "cp", "ttyecho", "socat") else [])
    if any(one.startswith(_TERMINALS) or f"={_TERMINALS[0]}" in one for one in reached):
        raise Denied(
            "person",
            "A terminal belongs to the person who sits at it; nothing may type or print there.",
            "Print to standard output.",
        )
    if (
        start.name in ("tmux", "screen")
        and ("send-keys" in texts or "stuff" in texts)
        and any("ategnatos" in one or one.strip().lower() in ("y", "yes") for one in texts)
    ):
        raise Denied(
            "person",
            "Keys sent to a terminal answer a question in a person's place.",
            "Run the command itself; what needs a person, ask the person for.",
        )


def _network(scene: Scene, texts: list[str]) -> None:
    for text in texts:
        lowered = text.lower()
        for host in scene.guarded["provider_hosts"]:
            if host in lowered:
                raise Denied(
                    "around",
                    f"{host} bills; a call that the studio does not make is on no record and under "
                    "no cap.",
                    "Use 'ategnatos studio provider' and 'ategnatos studio budget'.",
                )
        served = any(
            f":{port}" in text or text == port for port in scene.guarded["server_ports"]
        ) or (
            lowered.startswith(("http://127.", "http://localhost", "localhost:", "127.0.0.1:"))
            and any(path in lowered for path in scene.guarded["server_paths"])
        )
        if served:
            raise Denied(
                "around",
                "A call to ComfyUI around the studio leaves no record of what it made.",
                "Use 'ategnatos studio comfyui status' to look, 'ategnatos studio workflow run' "
                "to run a graph, 'ategnatos art generate' for pictures.",
            )


def _providers(scene: Scene, start: Start, texts: list[str]) -> None:
    if start.name not in scene.guarded["provider_programs"] or not texts:
        return
    if _LOOKS_ONLY.intersection(texts):
        return
    raise Denied(
        "around",
        f"{start.name} rents machines; one that the studio did not rent is under no cap and "
        "nothing ends it.",
        "Use 'ategnatos studio provider'.",
    )
