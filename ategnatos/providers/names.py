"""One spelling of every provider's name: what people write, and what the record holds."""

from __future__ import annotations

# As people and the vendors' own pages write them.
_SPELLINGS = {
    "vast": "vastai",
    "vast.ai": "vastai",
    "vast_ai": "vastai",
    "run_pod": "runpod",
    "runpod.io": "runpod",
    "lambda": "lambda_cloud",
    "lambdalabs": "lambda_cloud",
    "lambda_labs": "lambda_cloud",
    "lambdacloud": "lambda_cloud",
}


def canonical(name: str) -> str:
    """The one name under which a provider is declared and stored; an unknown name stays."""
    folded = name.strip().lower().replace("-", "_")
    return _SPELLINGS.get(folded, folded)
