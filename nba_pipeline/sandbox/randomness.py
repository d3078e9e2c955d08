"""Chance that is the same in every process and on every machine."""

import hashlib

import numpy as np


def stable_hash(*purpose: object) -> int:
    """A 256-bit number from what it is for. Python's own hash differs between processes."""
    return int.from_bytes(hashlib.sha256("/".join(map(str, purpose)).encode()).digest(), "big")


def generator(*purpose: object) -> np.random.Generator:
    """A fresh random generator that belongs to one purpose."""
    return np.random.Generator(np.random.PCG64(stable_hash(*purpose)))
