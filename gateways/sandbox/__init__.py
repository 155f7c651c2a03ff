"""Stand-in processors in one process of their own, for the demo, the tests and load runs.

It speaks each processor's wire format over real HTTP and keeps its own record of money. It imports nothing of the
rest of the project and nothing imports it, so that one mistake cannot agree with itself. See docs/sandbox.md.
"""
