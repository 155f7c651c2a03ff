"""How staff get in and stay in: password, lock-out, second factor, sessions."""
