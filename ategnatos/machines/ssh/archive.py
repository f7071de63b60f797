"""Files by ssh and tar alone, for a machine or a computer that has no rsync.

As with rsync a file is in place only once it is whole, and only plain files and folders are taken
from a machine. What rsync can and this cannot is to go on in the middle of a file.
"""

from __future__ import annotations

import os
import shutil
import tarfile
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from ategnatos.machines.ssh.link import quote

if TYPE_CHECKING:
    from ategnatos.machines.ssh.link import Link, Reply

# What is being brought lies beside its place under such a name.
PART = ".ategnatos-part"
# So much goes in one piece: when the line is cut, no more than that is sent again.
_PIECE_BYTES = 64 << 20

_UNPACK = f"""cd -- BASE && part={PART}.$$ && mkdir -- "$part" &&
trap 'rm -rf -- "$PWD/$part"' EXIT &&
tar -xof - -C "$part" && (cd -- "$part" &&
find . -type d -exec sh -c 'for one; do mkdir -p "../$one" || exit 1; done' - {{}} + &&
find . -type f -exec sh -c 'for one; do
  [ ! -d "../$one" ] && mv -f "$one" "../$one" || exit 1; done' - {{}} +)"""


def push(link: Link, source: Path, far: str, again: Callable[[Callable[[], Reply]], Reply]) -> str:
    """Bring a file to ``far``, or what is in a folder into the folder ``far``, which is there.

    ``again`` repeats what a broken line cut off. Returns what went wrong, or "".
    """
    folder = source.is_dir()
    base = far if folder else str(PurePosixPath(far).parent)
    line = _UNPACK.replace("BASE", quote(base))
    for piece in _pieces(source) if folder else [[(source, PurePosixPath(far).name)]]:
        reply = again(lambda piece=piece: _sent(link, line, piece))  # type: ignore[misc]
        if reply.status != 0:
            return reply.complaint.strip() or f"tar there ended with {reply.status}"
    return ""


def pull(
    link: Link,
    far: str,
    target: Path,
    again: Callable[[Callable[[], Reply]], Reply],
    *,
    folder: bool,
) -> str:
    """Bring what is in the folder ``far``, or that file, to ``target``; as :func:`push`."""
    name = "." if folder else f"./{PurePosixPath(far).name}"
    place = far if folder else str(PurePosixPath(far).parent)
    line = f"cd -- {quote(place)} && exec tar -cf - {quote(name)}"
    faults: list[str] = []
    reply = again(lambda: _received(link, line, target, faults, folder=folder))
    lines = reply.complaint.strip().splitlines()
    # A log that grows meanwhile is brought as it was when its turn came.
    growing = bool(lines) and all("file changed as we read it" in one for one in lines)
    if faults:
        return faults[0]
    if reply.status != 0 and not (reply.status == 1 and growing):
        return "\n".join(lines) or f"tar there ended with {reply.status}"
    return ""


def _pieces(folder: Path) -> Iterator[list[tuple[Path, str]]]:
    """Files and folders below ``folder`` with their names there, in pieces of bounded size."""
    piece: list[tuple[Path, str]] = []
    size = 0
    for above, _, names in os.walk(folder):
        here = Path(above)
        piece.append((here, here.relative_to(folder).as_posix()))
        for name in names:
            path = here / name
            if path.is_symlink() or not path.is_file():
                continue
            length = path.stat().st_size
            if piece and size + length > _PIECE_BYTES:
                yield piece
                piece, size = [], 0
            piece.append((path, path.relative_to(folder).as_posix()))
            size += length
    if piece:
        yield piece


def _sent(link: Link, line: str, piece: list[tuple[Path, str]]) -> Reply:
    source, sink = os.pipe()
    broken: list[Exception] = []

    def pack() -> None:
        try:
            with (
                os.fdopen(sink, "wb") as out,
                tarfile.open(fileobj=out, mode="w|", format=tarfile.GNU_FORMAT) as tar,
            ):
                for path, name in piece:
                    _add(tar, path, name)
        except BrokenPipeError:
            return  # The far side ended first: how, its status says.
        except Exception as error:  # noqa: BLE001 - raised where the thread is waited for
            broken.append(error)

    packer = threading.Thread(target=pack, daemon=True)
    packer.start()
    try:
        with os.fdopen(source, "rb") as given:
            reply = link.shell(line, stdin=given)
    finally:
        packer.join()
    if broken:
        raise broken[0]
    return reply


def _add(tar: tarfile.TarFile, path: Path, name: str) -> None:
    entry = tar.gettarinfo(str(path), f"./{name}")
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    if entry.isdir():
        entry.mode = 0o755
        tar.addfile(entry)
    else:
        # A second name of a file already packed would be stored as a link.
        entry.type, entry.linkname, entry.mode = tarfile.REGTYPE, "", 0o644
        entry.size = path.stat().st_size
        with path.open("rb") as file:
            tar.addfile(entry, file)


def _received(link: Link, line: str, target: Path, faults: list[str], *, folder: bool) -> Reply:
    source, sink = os.pipe()

    def unpack() -> None:
        with os.fdopen(source, "rb") as given:
            try:
                with tarfile.open(fileobj=given, mode="r|") as tar:
                    for entry in tar:
                        _keep(tar, entry, target, folder=folder)
            except tarfile.ReadError:
                pass  # Cut off in the middle: the status or the line says so.
            except (OSError, ValueError, OverflowError, tarfile.TarError) as error:
                # A name or a time that no file here can have is a fault, too.
                faults.append(f"{getattr(error, 'strerror', None) or error}")
            # What comes now is thrown away; a closed pipe would look like a broken line.
            while given.read(1 << 20):
                pass

    unpacker = threading.Thread(target=unpack, daemon=True)
    unpacker.start()
    try:
        with os.fdopen(sink, "wb") as out:
            return link.shell(line, stdout=out)
    finally:
        unpacker.join()


def _keep(tar: tarfile.TarFile, entry: tarfile.TarInfo, target: Path, *, folder: bool) -> None:
    """Put one entry in its place, if it is one that may be taken."""
    parts = [one for one in PurePosixPath(entry.name).parts if one != "."]
    if ".." in parts or entry.name.startswith("/"):
        return
    if any(one.startswith(PART) for one in parts):
        return
    path = target.joinpath(*parts) if folder else target
    if folder:
        for above in [path, *path.parents][: len(parts)]:
            if above.is_symlink():
                raise OSError(f"{above} is a link here, and nothing is written through it")
    if folder and entry.isdir():
        path.mkdir(parents=True, exist_ok=True)
    if not entry.isreg():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    held: Any = tar.extractfile(entry)
    handle, name = tempfile.mkstemp(prefix=f"{PART}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as out:
            shutil.copyfileobj(held, out, 1 << 20)
            # A stream that ends early hands over less than it said.
            if out.tell() != entry.size:
                raise tarfile.ReadError("cut off")
        os.chmod(name, 0o644)  # noqa: PTH101
        os.utime(name, (entry.mtime, entry.mtime))
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
