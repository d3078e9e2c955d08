"""Number and noun for messages."""


def counted(number: int, noun: str, plural: str = "") -> str:
    """Returns the number with its noun in singular or plural. `plural` is for words that do not end with an added s.

    >>> counted(1, "row"), counted(2_000, "row"), counted(2, "row is", "rows are")
    ('1 row', '2,000 rows', '2 rows are')
    """
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"
