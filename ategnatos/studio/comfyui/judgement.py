"""What a server's own answers say about its safety: origins, flags, versions, known holes."""

from __future__ import annotations

from ategnatos.grimoire.errors import StudioError
from ategnatos.guard.values.hosts import Reach
from ategnatos.studio.comfyui import facts, servers, versions
from ategnatos.studio.comfyui.verdict import Level, Verdict
from ategnatos.studio.comfyui.web import Reply

# No web site has this name (RFC 2606): it stands for any other site that a browser shows.
STRANGER = "http://another-site.invalid"
_EVERYWHERE = frozenset({"0.0.0.0", "::", ""})  # noqa: S104 - to recognise it, not to bind it


def judge_origin(verdict: Verdict, strange: Reply) -> None:
    allowed = strange.headers.get("access-control-allow-origin", "")
    if strange.status == 403:
        verdict.add(Level.PASS, "origin", "It refuses requests that other web sites make.")
    elif allowed in {"*", STRANGER}:
        verdict.add(
            Level.WARN,
            "origin",
            "Any web site that you visit can use this server and read its answers.",
            "Start it without --enable-cors-header.",
        )
    elif strange.status == 200:
        verdict.add(
            Level.WARN,
            "origin",
            "It does not check which web site a request comes from, so a page that you visit"
            " can send it orders.",
            "Start it without --enable-cors-header, on 127.0.0.1, and keep it updated.",
        )


def judge_flags(verdict: Verdict, server: servers.Server) -> None:
    if server.argv is None:
        verdict.add(Level.NOTE, "flags", "It does not say with which flags it was started.")
        return
    listens = values_of(server.argv, "--listen")
    everywhere = [part for part in listens if part in _EVERYWHERE]
    if everywhere:
        verdict.add(
            Level.WARN,
            "listen",
            "It listens on every network of its machine: whoever reaches that machine can use it.",
            "Start it with --listen 127.0.0.1, for example by 'ategnatos studio comfyui start'.",
        )
    elif listens and not all(_is_loopback(part) for part in listens):
        verdict.add(
            Level.WARN,
            "listen",
            f"It listens on {', '.join(listens)}, which other machines can reach.",
            "Start it with --listen 127.0.0.1.",
        )
    else:
        verdict.add(Level.PASS, "listen", "It listens on its own machine alone.")
    if "--enable-cors-header" in server.argv:
        origins = values_of(server.argv, "--enable-cors-header")
        verdict.add(
            Level.WARN,
            "cors",
            f"It was started with --enable-cors-header {' '.join(origins) or '*'}, which"
            " switches its check of other web sites off.",
            "Start it without that flag.",
        )
    if "--multi-user" in server.argv:
        verdict.add(
            Level.NOTE,
            "multi_user",
            "--multi-user separates settings only: all users share queue and pictures.",
        )


def values_of(argv: tuple[str, ...], flag: str) -> list[str]:
    """What follows ``flag``, split at commas; [""] where it is given without a value."""
    found: list[str] = []
    for place, word in enumerate(argv):
        if word == flag:
            following = argv[place + 1] if place + 1 < len(argv) else ""
            found += [""] if following.startswith("--") else following.split(",")
        elif word.startswith(f"{flag}="):
            found += word.partition("=")[2].split(",")
    return [part.strip() for part in found]


def _is_loopback(text: str) -> bool:
    from ategnatos.guard.values.hosts import parse_host

    try:
        return parse_host(text).reach is Reach.LOOPBACK
    except StudioError:
        return False


def judge_version(verdict: Verdict, server: servers.Server) -> None:
    known = facts.security()
    version = versions.parse(server.version)
    if version is None:
        verdict.add(
            Level.WARN,
            "version",
            "It does not say its version: it is very old, or changed.",
            "Update it: 'ategnatos studio comfyui update'.",
        )
        return
    minimum, tested = (versions.parse(t.version) or () for t in (known.minimum, known.tested))
    holes = versions.holes("comfyui", server.version, known.advisories)
    if versions.older(version, minimum):
        verdict.add(
            Level.FAIL,
            "version",
            f"ComfyUI {server.version} is older than {known.minimum.version}. {known.minimum.why}",
            "Update it: 'ategnatos studio comfyui update'.",
        )
    elif versions.older(version, tested):
        verdict.add(
            Level.WARN,
            "version",
            f"ComfyUI {server.version} is older than {known.tested.version}, the oldest that"
            " this program was tested against.",
            "Update it: 'ategnatos studio comfyui update'.",
        )
    else:
        verdict.add(Level.PASS, "version", f"ComfyUI {server.version}.")
    for hole in holes:
        verdict.add(Level.FAIL, hole.id, f"{hole.id}: {hole.means}", hole.do)


def judge_manager(verdict: Verdict, replies: list[Reply]) -> None:
    """A server without the Manager answers 404 to both of its addresses."""
    said = next((r for r in replies if r.status == 200 and len(r.body) <= 40), None)
    text = said.body.decode("ascii", errors="replace").strip() if said is not None else ""
    if versions.parse(text) is None:
        verdict.add(Level.PASS, "manager", "No ComfyUI-Manager answers.")
        return
    holes = versions.holes("manager", text, facts.security().advisories)
    for hole in holes:
        verdict.add(
            Level.WARN, hole.id, f"{hole.id} in ComfyUI-Manager {text}: {hole.means}", hole.do
        )
    if not holes:
        verdict.add(Level.PASS, "manager", f"ComfyUI-Manager {text}: no hole is known.")
