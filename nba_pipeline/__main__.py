"""`python -m nba_pipeline` is the `nba-pipeline` command."""

from nba_pipeline.cli import main

main()
