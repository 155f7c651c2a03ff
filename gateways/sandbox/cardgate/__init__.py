"""CardGate's payment invoices, its Cardgate host and its hosted page."""
