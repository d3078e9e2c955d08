"""What a table is: its schema, key, validation and quarantine, and the border to pandas.

The tables themselves belong in `assets/`; where they are stored belongs in `warehouse/`.
"""
