"""What every section of osed.yaml is made of."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, JsonValue, StringConstraints

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$")]
Text = Annotated[str, StringConstraints(min_length=1, max_length=128)]
PlugIns = dict[Name, dict[str, JsonValue]]
"""Functions of installed packages that are wanted, by name, with their options, which their own processes read."""

Watts = Annotated[float, Field(ge=0, le=1e9)]
Seconds = Annotated[float, Field(gt=0, le=30 * 86400)]


class Strict(BaseModel):
    """A section: an unknown key is a mistake."""

    model_config = ConfigDict(extra="forbid", frozen=True)
