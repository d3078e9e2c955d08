"""What an asset needs to declare itself: the asset and check factories, automation conditions, step time-outs.

The tables themselves belong in `assets/`; what a table is belongs in `tables/`.
"""
