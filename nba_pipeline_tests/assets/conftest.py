"""The provider on this machine, for assets that ask for themselves."""

from nba_pipeline_tests.providers.conftest import clock, landing, provider

__all__ = ["clock", "landing", "provider"]
