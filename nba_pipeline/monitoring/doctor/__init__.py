"""`nba-pipeline doctor`: probes that do the real operation once, such as a request to a provider or a write to the warehouse.

    probe       the result of a probe, and the function that runs all probes at the same time
    machine     disk, memory, open files
    software    versions of Python and of the packages, and what changed since the last run
    providers   one cheap request to each provider, its key, its quota, the clock
    storage     warehouse and landing written and read back, stored columns, code versions
    daemon      definitions, and Dagster's daemon with its schedules and sensors

A probe changes nothing that people read. Repairs and alerts do not belong here.
"""
