"""BigQuery on this machine: the emulator as a process of its own, and a proxy that makes it fail on demand."""
