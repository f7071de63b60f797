"""What every document has: a schema version, a time, a revision, and room for unknown fields."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field

Migration = Callable[[dict[str, Any]], dict[str, Any]]


class Part(BaseModel):
    """A piece of a document.

    Fields this program does not know are kept. Strict: text stays text ("12.10" is no number,
    "null" is no null), and a number given as text is refused, not converted.
    """

    model_config = ConfigDict(
        extra="allow",
        strict=True,
        populate_by_name=True,
        ser_json_inf_nan="constants",
        allow_inf_nan=False,
    )


class Document(Part):
    """A whole document. The class says where it lives and how people see it.

    ``name`` is that of its file and its view. ``version`` is its schema version,
    "major.minor". ``migrations`` maps an older version to a function that brings the raw JSON
    object one version up and returns it with its new ``_schema_version``; "0" stands for an
    object without a version. ``modify_with`` is what a person uses to change it. ``by_hand``
    says whether ``ategnatos grimoire set`` may: not where an entry is evidence.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    version: ClassVar[str] = "1.0"
    migrations: ClassVar[Mapping[str, Migration]] = {}
    modify_with: ClassVar[str] = "ategnatos grimoire set"
    by_hand: ClassVar[bool] = True
    # Relative to the project's root; None: grimoire/.state/<name>.json.
    location: ClassVar[str | None] = None
    has_view: ClassVar[bool] = True

    schema_version: str = Field(default="", alias="_schema_version")
    generated_at: str = Field(default="", alias="_generated_at")
    revision: int = Field(default=0, alias="_revision", ge=0)

    def body(self) -> str:
        """The view's Markdown, without the header line; ends in a newline."""
        raise NotImplementedError(f"{self.name} says it has a view and draws none")


def extra_fields(part: Part) -> dict[str, Any]:
    """The fields of ``part`` that its schema does not know."""
    return dict(part.__pydantic_extra__ or {})
