"""Number and noun for messages."""


def counted(number: int, noun: str) -> str:
    """Returns the number with its noun in singular or plural.

    >>> counted(1, "row"), counted(2, "row")
    ('1 row', '2 rows')
    """
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
