"""Random generators that give the same values in every process and on every machine."""

import hashlib

import numpy as np


def stable_hash(*purpose: object) -> int:
    """Returns a 256-bit number for a purpose. Python's own hash differs between processes."""
    return int.from_bytes(hashlib.sha256("/".join(map(str, purpose)).encode()).digest(), "big")


def generator(*purpose: object) -> np.random.Generator:
    """Returns a new random generator for one purpose."""
    return np.random.Generator(np.random.PCG64(stable_hash(*purpose)))
