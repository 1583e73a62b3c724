"""Orders for analyses in the background: what was asked about which content, and the task that answers it."""

from __future__ import annotations

from dataclasses import dataclass

from tlsync.clock import Clock, to_text
from tlsync.models import ContentId
from tlsync.store.database import CatalogDatabase


@dataclass(frozen=True, slots=True)
class Order:
    """One question about one content. `task_id` is None while only the intent is noted.

    `attempt` counts from 1 and grows when a task came to nothing: each attempt is an order of its own.
    """

    content_id: ContentId
    question_sha256: str
    attempt: int
    task_id: str | None


class Analyses:
    """The orders under way; one that was answered is forgotten."""

    def __init__(self, db: CatalogDatabase, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    def find(self, content_id: ContentId, question_sha256: str) -> Order | None:
        row = self._db.row(
            "SELECT * FROM analyses WHERE content_id = ? AND question_sha256 = ?", content_id, question_sha256
        )
        return Order(content_id, question_sha256, row["attempt"], row["task_id"]) if row else None

    def intend(self, content_id: ContentId, question_sha256: str) -> Order:
        """Note that an analysis is about to be ordered, before the call; an earlier note is kept."""
        with self._db.write() as connection:
            connection.execute(
                "INSERT INTO analyses (content_id, question_sha256, intended_at) VALUES (?, ?, ?)"
                " ON CONFLICT DO NOTHING",
                (content_id, question_sha256, to_text(self._clock.now())),
            )
        order = self.find(content_id, question_sha256)
        assert order is not None
        return order

    def set_task(self, order: Order, task_id: str) -> None:
        """The platform took the order."""
        self._update(order, "task_id = ?", task_id)

    def give_up(self, order: Order) -> None:
        """The task came to nothing: whoever asks again makes a new attempt."""
        self._update(order, "task_id = NULL, attempt = ?", order.attempt + 1)

    def drop(self, order: Order) -> None:
        """The answer was taken, or the order was never placed."""
        with self._db.write() as connection:
            connection.execute(
                "DELETE FROM analyses WHERE content_id = ? AND question_sha256 = ?",
                (order.content_id, order.question_sha256),
            )

    def _update(self, order: Order, change: str, value: str | int) -> None:
        with self._db.write() as connection:
            connection.execute(
                f"UPDATE analyses SET {change} WHERE content_id = ? AND question_sha256 = ?",  # noqa: S608 (ours)
                (value, order.content_id, order.question_sha256),
            )
