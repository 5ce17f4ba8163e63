"""What the fields of payloads are made of: their types, their bounds, and who may deviate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    PlainSerializer,
    ValidationInfo,
)
from pydantic_core import core_schema

from sered import names

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

READER = "reader"
"""Validation context of who reads a message of any version: words it does not know are kept."""


class Payload(BaseModel):
    """Frozen, and strict for a writer: an unknown field or word is refused where it is made.

    Fields that version 1 did not have from its beginning are marked by `added`.
    """

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        allow_inf_nan=False,
        populate_by_name=True,
        use_attribute_docstrings=True,
        json_schema_serialization_defaults_required=True,
    )


@dataclass(frozen=True, slots=True)
class Words:
    """One of some words; who reads must expect others, for a later version may know more."""

    known: tuple[str, ...]

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        """Any text for a reader, one of the words for a writer."""
        return core_schema.with_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """The words as an enumeration; `schemas` opens it for readers."""
        return {"type": "string", "enum": list(self.known)}

    def _check(self, word: str, info: ValidationInfo) -> str:
        if info.context != READER and word not in self.known:
            msg = f"must be one of {', '.join(self.known)}"
            raise ValueError(msg)
        return str(word)


def added(version: str, missing: Any = None) -> FieldInfo:
    """Marks a field that contract 1 has had since a version of sered.

    A message of an older version has `missing` there. Writers must fill it all the same: to the
    type checker, which does not look into an annotation, it has no default.
    """
    field: FieldInfo = Field(default=missing, json_schema_extra={"x-since": version})
    return field


def _short(value: float) -> float:
    return round(value, 4) + 0.0


# on the wire, not in memory: more digits would claim more than is known
_Signed = Annotated[float, Field(ge=-1.0, le=1.0)]
_Unsigned = Annotated[float, Field(ge=0.0, le=1.0)]
Score = Annotated[_Signed, PlainSerializer(_short, return_type=_Signed)]
Share = Annotated[_Unsigned, PlainSerializer(_short, return_type=_Unsigned)]
Part = Annotated[float, PlainSerializer(_short, return_type=float)]
"""A signed part of a score."""
Seconds = Annotated[float, Field(ge=0.0)]
Count = Annotated[int, Field(ge=0)]
Name = Annotated[str, AfterValidator(names.level), Field(min_length=1, max_length=names.LONGEST)]
"""Site, device or line: one level of a topic."""
CallId = Annotated[str, Field(pattern=r"^[0-9A-Za-z_.:-]{1,64}$")]
"""Printable and short, so that it can be a key anywhere."""
Time = AwareDatetime
