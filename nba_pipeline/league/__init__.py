"""Facts about the league: teams, player names, dates and seasons.

Functions of plain values. This package reads no table and no provider.
"""
