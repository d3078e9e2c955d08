"""BigQuery tests: the emulator in its own process, behind a proxy that injects failures."""
