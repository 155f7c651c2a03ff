"""Stripe's PaymentIntents API as a stand-in, for the version that the adapter speaks."""
