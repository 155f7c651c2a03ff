"""Work queues: what waits for a person, the most urgent first, and what can be done about it."""

from backoffice.queues.counting import QueueCount, queue_counts

__all__ = ["QueueCount", "queue_counts"]
