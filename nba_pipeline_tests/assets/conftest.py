"""The provider on this machine, for assets that ask for themselves."""

from nba_pipeline_tests.providers.conftest import clock, land, landing, provider

__all__ = ["clock", "land", "landing", "provider"]
