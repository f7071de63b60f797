"""What is known of a model before anything is computed: its hash, its sizes, its tokenizer.

Planning an order needs no more than this, and it loads no numpy: an order that is only put into
the line, or that was made before, is answered in the time of a command.
"""

from __future__ import annotations

import hashlib
from functools import cache, cached_property
from pathlib import Path

from ategnatos.grimoire.errors import StudioError
from ategnatos.starter.configuration import damaged, read_json
from ategnatos.starter.errors import STARTER_WEIGHTS
from ategnatos.starter.limits import SOLVER_ORDERS
from ategnatos.starter.tokenizer import Tokenizer

SHIPPED = Path(__file__).parent / "weights"
WEIGHT_FILES = {
    "unet": "unet/diffusion_pytorch_model.safetensors",
    "text_encoder": "text_encoder/model.safetensors",
    "vae": "vae/diffusion_pytorch_model.safetensors",
}
# What a picture depends on; documentation beside it does not change the hash.
_HASHED_ENDINGS = (".json", ".txt", ".safetensors")


class Description:
    """A model folder in the stock Stable Diffusion layout, described.

    ``side`` is the model's own picture size in pixels. Raises StudioError (``starter_weights``)
    when a file is missing or not understood; what the weights hold is looked at when a picture
    is made.
    """

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise StudioError(
                STARTER_WEIGHTS,
                f"The starter model is not there: {folder} is no folder. Nothing was made.",
                hint="Install the package again: pip install --force-reinstall ategnatos",
                folder=str(folder),
            )
        for name in WEIGHT_FILES.values():
            if not (folder / name).is_file():
                raise damaged(folder / name, "the file is missing")
        self.folder = folder
        self.tokenizer = Tokenizer(folder)
        self.side = _side(folder / "unet" / "config.json")
        self.default_sampler = _default_sampler(folder / "scheduler" / "scheduler_config.json")

    @cached_property
    def sha256(self) -> str:
        """Hash of the model: SHA-256 over the names and the SHA-256 of its files, sorted."""
        total = hashlib.sha256()
        for path in sorted(self.folder.rglob("*")):
            if path.is_file() and path.suffix in _HASHED_ENDINGS:
                name = path.relative_to(self.folder).as_posix()
                with path.open("rb") as file:
                    content = hashlib.file_digest(file, "sha256").hexdigest()
                total.update(f"{content}  {name}\n".encode())
        return total.hexdigest()


def describe(folder: Path | None = None) -> Description:
    """The model in ``folder``, the shipped one unless told, looked at once a process.

    Raises StudioError (``starter_weights``).
    """
    return _described(folder or SHIPPED)


@cache
def _described(folder: Path) -> Description:
    return Description(folder)


def _side(path: Path) -> int:
    try:
        return int(read_json(path)["sample_size"])
    except (KeyError, TypeError, ValueError) as error:
        raise damaged(path, f"{error} is missing or not understood") from error


def _default_sampler(path: Path) -> str:
    named = {order: name for name, order in SOLVER_ORDERS.items()}
    try:
        return named[int(read_json(path)["solver_order"])]
    except (KeyError, TypeError, ValueError) as error:
        raise damaged(path, f"{error} is missing or not understood") from error
