"""Fill a database with as many believable payments as a busy operator has, to measure and to try things out on."""

from config.volume.seeding import DatabaseIsInUse, Wish, seed_volume

__all__ = ["DatabaseIsInUse", "Wish", "seed_volume"]
