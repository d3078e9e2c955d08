"""Parts of messages: number and noun, message and next step."""


def counted(number: int, noun: str, plural: str = "") -> str:
    """Returns the number with its noun in singular or plural. `plural` is for words that do not end with an added s.

    >>> counted(1, "row"), counted(2_000, "row"), counted(2, "row is", "rows are")
    ('1 row', '2,000 rows', '2 rows are')
    """
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def as_code(step: str) -> str:
    """Returns a next step in backticks if it is a command, else unchanged.

    >>> as_code("nba-pipeline reconcile"), as_code("restart the daemon")
    ('`nba-pipeline reconcile`', 'restart the daemon')
    """
    return f"`{step}`" if step.startswith("nba-pipeline") else step


def with_step(message: str, step: str) -> str:
    """Returns a message as one sentence, followed by the next step unless that is empty.

    >>> with_step("its process was killed", "nba-pipeline reconcile")
    'its process was killed. Next: nba-pipeline reconcile'
    """
    return f"{message.rstrip('.')}. Next: {step}" if step else message
