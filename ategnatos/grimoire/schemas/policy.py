"""What the pictures of this studio are for: it decides which models may be used."""

from __future__ import annotations

from pydantic import Field

from ategnatos.grimoire.markdown import facts
from ategnatos.grimoire.schemas.base import Document


class PolicyDocument(Document):
    """``commercial`` is None until somebody decides. ``revenue_band`` and ``territory`` are words
    of ``knowledge/data/policy_terms.json``; empty means not said.
    """

    name = "policy"
    title = "Policy"
    modify_with = "ategnatos studio policy set"

    commercial: bool | None = None
    revenue_band: str = ""
    territory: list[str] = Field(default_factory=list)

    def body(self) -> str:
        """Three facts."""
        use = {None: "not decided", True: "commercial", False: "not commercial"}[self.commercial]
        return "# Policy\n\n" + facts(
            {
                "Use": use,
                "Revenue": self.revenue_band or "not said",
                "Territory": ", ".join(self.territory) or "not said",
            }
        )


DOCUMENT = PolicyDocument
