"""The tables, one module each, in the order of data flow: sources, summaries, features, predictions, grades."""
