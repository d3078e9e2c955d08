"""The tables, one module each, in the order of data flow: sources, summaries, features, predictions, grades.

Importing the package imports every module, so that every table is declared. A table needs no other entry.
"""

from importlib import import_module
from pkgutil import walk_packages

from nba_pipeline.tables import declarations

for _module in walk_packages(__path__, f"{__name__}."):
    import_module(_module.name)
declarations.complete()
