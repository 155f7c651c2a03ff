import hashlib


def hash_of_key(key: str) -> str:
    """Return what is kept of a key; a key is long and random, so a plain digest cannot be guessed back."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
