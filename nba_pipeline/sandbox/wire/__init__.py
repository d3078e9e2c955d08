"""Provider formats of the league view: one module per provider, one function per document.

HTTP belongs to `server`. Visibility of facts belongs to `view`.
"""
