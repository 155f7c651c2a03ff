"""Adyen: Checkout API v72, standard webhooks, and a page where a person can pay a session."""
