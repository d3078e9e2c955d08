"""Facts about the league: teams, player names, dates and seasons.

Functions of plain values. Nothing here reads a table or a provider.
"""
