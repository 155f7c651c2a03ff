"""Viva as a processor of the sandbox: Smart Checkout, the newer API and the older one."""
