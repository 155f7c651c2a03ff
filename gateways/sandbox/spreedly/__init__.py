"""The stand-in for Spreedly's Core API v1 and the test gateway behind it."""
