"""Find orders and payments by whatever a support person may paste, typed carelessly or spaced by a mail program.

`terms` reads what was typed, `lookups` says where each kind of term is looked for and by which index, `search` asks.
"""
