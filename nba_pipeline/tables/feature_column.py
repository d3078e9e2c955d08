"""Columns that are features: values that a system may read, with their range and family."""

import dataframely as dy


def feature(description: str, low: float, high: float, family: str, required: bool = False, unit: str = "") -> dy.Float64:
    """Returns a nullable Float64 feature. Values outside [low, high] become null and are listed as missing."""
    return dy.Float64(
        nullable=True,
        min=low,
        max=high,
        description=f"{description}{f' ({unit})' if unit else ''}",
        metadata={"family": family, "required_for_betting": required},
    )


CAREER, OUTLOOK, ABSENCES = "career_form", "team_outlook", "expected_absences"
"""Families of the features that reach across seasons, named after their tables."""


def career(description: str, low: float, high: float, unit: str = "") -> dy.Float64:
    """Returns a feature of `career_form`."""
    return feature(description, low, high, CAREER, unit=unit)


def outlook(description: str, low: float, high: float, unit: str = "") -> dy.Float64:
    """Returns a feature of `team_outlook`."""
    return feature(description, low, high, OUTLOOK, unit=unit)


def absences(description: str, low: float, high: float, unit: str = "") -> dy.Float64:
    """Returns a feature of `expected_absences`."""
    return feature(description, low, high, ABSENCES, unit=unit)
