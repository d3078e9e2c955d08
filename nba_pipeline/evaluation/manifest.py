"""The manifest of an evaluation: the facts fixed before any result of the period is read, and the models of each week.

    <home>/evaluations/<first 12 digits of the header's SHA-256>.jsonl

Each line is a JSON object with `sha256`, the hash of the line before it and of its own content. The first line is the header:
population, code, training rule, parameters and search trials. A line per week follows, with its models and the hash of its
forecasts. An altered, missing or inserted line breaks the chain. The file has no timestamp, so equal evaluations write equal
bytes. An evaluation with the same header but other models, as after a correction of the data, gets its own file.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nba_pipeline.errors import PipelineError

FOLDER = "evaluations"
PENDING = ".pending"
NAME_DIGITS = 12


@dataclass
class Manifest:
    """A manifest that is being written. A line is on the disk when `append` returns."""

    path: Path
    lines: list[str] = field(default_factory=list)

    @property
    def sha256(self) -> str:
        """Hash of the header."""
        return str(json.loads(self.lines[0])["sha256"])

    @property
    def chain_sha256(self) -> str:
        """Hash of the last line, which covers every line."""
        return str(json.loads(self.lines[-1])["sha256"])

    def append(self, content: Mapping[str, Any]) -> None:
        """Writes one line."""
        line = chained(content, self.chain_sha256 if self.lines else "")
        with self.path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")
            file.flush()
            os.fsync(file.fileno())
        self.lines.append(line)


@contextmanager
def writing(home: Path, header: Mapping[str, Any]) -> Iterator[Manifest]:
    """Writes the header to a pending file, and renames the file when the evaluation is complete. Deletes it after a failure.

    Raises PipelineError if an existing manifest of the home was edited.
    """
    folder = home / FOLDER
    for file in sorted(folder.glob("*.jsonl")):
        verify_manifest(file)
    folder.mkdir(parents=True, exist_ok=True)
    pending = folder / f"{os.getpid()}{PENDING}"
    pending.unlink(missing_ok=True)
    manifest = Manifest(pending)
    try:
        manifest.append(header)
        yield manifest
        manifest.path = pending.replace(_free_name(folder, manifest))
    finally:
        pending.unlink(missing_ok=True)


def _free_name(folder: Path, manifest: Manifest) -> Path:
    """Returns the existing file with the same lines, else the first unused name for this header."""
    name, content = manifest.sha256[:NAME_DIGITS], "".join(f"{line}\n" for line in manifest.lines)
    path, number = folder / f"{name}.jsonl", 2
    while path.exists() and path.read_text(encoding="utf-8") != content:
        path, number = folder / f"{name}-{number}.jsonl", number + 1
    return path


def chained(content: Mapping[str, Any], previous: str) -> str:
    """Returns the line of a content: JSON with the SHA-256 of the previous line's hash and of the content."""
    text = json.dumps(content, sort_keys=True)
    digest = hashlib.sha256(f"{previous}\n{text}".encode()).hexdigest()
    return json.dumps({"sha256": digest, **content}, sort_keys=True)


def verify(file: Path) -> list[dict[str, Any]]:
    """Returns the lines of a file. Raises PipelineError naming the first line that was edited after it was written."""
    previous, contents = "", list[dict[str, Any]]()
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
        try:
            content = json.loads(line)
            digest = content.pop("sha256")
        except (ValueError, KeyError, AttributeError, TypeError):
            raise PipelineError(f"{file}: line {number} is not a line of a manifest; {_NEXT}") from None
        if chained(content, previous) != line:
            raise PipelineError(f"{file}: line {number} was edited after it was written: its SHA-256 does not match; {_NEXT}")
        previous = digest
        contents.append(content)
    return contents


def verify_manifest(file: Path) -> list[dict[str, Any]]:
    """Returns the lines of a manifest. Raises PipelineError if a line was edited, or if the file name is not the header's hash."""
    contents = verify(file)
    if not contents or not file.name.startswith(json.loads(chained(contents[0], ""))["sha256"][:NAME_DIGITS]):
        raise PipelineError(f"{file}: the file name does not match the SHA-256 of the header in line 1; {_NEXT}")
    return contents


_NEXT = "restore the file, or move it out of the folder"
