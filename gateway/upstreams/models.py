"""The table of upstreams that administrators set; the settings' own are not in it.

A key is never here: a definition names the environment variable that holds it.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, String
from sqlalchemy.orm import Mapped, mapped_column

from core.database import Base, UtcDateTime


class StoredUpstream(Base):
    __tablename__ = "upstreams"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    name: Mapped[str] = mapped_column(String(63), unique=True)
    zone: Mapped[str] = mapped_column(String(63))
    version: Mapped[int]  # rises by one with every change
    definition: Mapped[dict[str, Any]] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
