"""What the starter model refuses, as codes."""

from __future__ import annotations

from ategnatos.grimoire.errors import ErrorCode

STARTER_REQUEST = ErrorCode(
    "starter_request", "The request asks for what the starter model cannot do."
)
STARTER_WEIGHTS = ErrorCode(
    "starter_weights", "The starter model's files are missing, damaged or of another layout."
)
STARTER_LORA = ErrorCode("starter_lora", "The LoRA file cannot be applied to the starter model.")
