"""The one search box: what was typed is made safe, looked for by `payments.finding`, and answered with a reason."""
