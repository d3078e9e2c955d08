"""A view of the league as the providers write it: one module per provider, one function per document.

No HTTP here (that is `server`), and no decision about what a request may know (that is `view`).
"""
