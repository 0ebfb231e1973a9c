"""Landing: text, JSON lines, Excel, parquet and archives → parquet that every engine reads alike, nothing lost."""

from components.data.landing.formats import FileFormat, Limits
from components.data.landing.land import Landed, land

__all__ = ["FileFormat", "Landed", "Limits", "land"]
