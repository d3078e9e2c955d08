"""Evaluation: replays the systems week by week over stored rows, and reports their metrics beside those of the market.

    source              the stored rows that an evaluation reads, by date
    market              lines, prices and closing lines per player and game
    perfect_knowledge   the bound of a forecast with knowledge of who plays
    walk_forward        weekly refits and forecasts that use only the past
    manifest            what is fixed before the first outcome is read, and the hash of each model
    metrics             errors, intervals, probabilities and returns of a set of rows
    records             the metrics per system, season, direction, tier, book and edge
    evaluate            one evaluation, from the manifest to the report
    blend_weight        the weight of the ensemble in `market_blend` with the lowest error
    suspicions          results that are too good
    search              the parameter search and its ledger
    page, plots         the report as one HTML file

How a system forecasts belongs in `systems/`. Printing belongs in `cli/`.
"""
