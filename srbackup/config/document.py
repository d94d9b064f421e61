"""A YAML file with the position of every key and value, so that a problem can be pointed at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.scalarbool import ScalarBoolean

Step = str | int


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with the configuration, printed as `file:line:column: path: problem` (1-based)."""

    file: Path
    line: int
    column: int
    path: str
    text: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}:{self.column}: "
        return where + (f"{self.path}: {self.text}" if self.path else self.text)


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed file: `data` are mappings, sequences and scalars that remember where they stood."""

    file: Path
    data: Any

    def at(self, path: Sequence[Step]) -> Any:
        """What is written at `path`."""
        node = self.data
        for step in path:
            node = node[step]
        return node

    def problem(self, path: Sequence[Step], text: str, *, at_key: bool = False) -> Problem:
        """A problem at `path`; where the path leads out of what is written, at the last place that exists."""
        line, column = self._position(path, at_key=at_key)
        return Problem(self.file, line + 1, column + 1, self._printed(path), text)

    def _printed(self, path: Sequence[Step]) -> str:
        text, node = "", self.data
        for step in path:
            text += f"[{step}]" if isinstance(node, CommentedSeq) else f".{step}" if text else str(step)
            known = isinstance(node, CommentedMap) and step in node
            node = (
                node[step]
                if known or (isinstance(node, CommentedSeq) and isinstance(step, int) and step < len(node))
                else None
            )
        return text

    def _position(self, path: Sequence[Step], *, at_key: bool) -> tuple[int, int]:
        node, found = self.data, (0, 0)
        for number, step in enumerate(path, 1):
            last = number == len(path)
            if isinstance(node, CommentedMap) and step in node:
                if step not in node.lc.data:  # a merge (<<) brought it in: the mapping is as near as it gets
                    break
                found = node.lc.key(step) if at_key or not last or node[step] is None else node.lc.value(step)
            elif isinstance(node, CommentedSeq) and isinstance(step, int) and step < len(node):
                found = node.lc.item(step)
            else:
                break
            node = node[step]
        return found


def read(file: Path) -> Document | Problem:
    """The file as a document, or the one problem that keeps it from being read."""
    try:
        data = YAML(typ="rt").load(file.read_text(encoding="utf-8"))
    except OSError as error:
        return Problem(file, 1, 1, "", f"cannot be read: {error.strerror or error}")
    except UnicodeDecodeError as error:
        return Problem(file, 1, 1, "", f"is not UTF-8: byte {error.start}")
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        text = " ".join(str(error.problem or error.context or error).split())
        if isinstance(error, DuplicateKeyError):
            text = text.partition(" with value ")[0]
        if "'\\t'" in text:
            text += " (YAML is indented with blanks, never with tabs)"
        return Problem(file, (mark.line if mark else 0) + 1, (mark.column if mark else 0) + 1, "", text)
    except YAMLError as error:
        return Problem(file, 1, 1, "", " ".join(str(error).split()))
    if data is None:
        return Problem(file, 1, 1, "", "is empty")
    return Document(file, _plain_truths(data))


def _plain_truths(node: Any) -> Any:
    """The same, in place, with true and false as such: an anchored one is read as a kind of number."""
    steps: list[Any] = (
        list(node)
        if isinstance(node, CommentedMap)
        else list(range(len(node)))
        if isinstance(node, CommentedSeq)
        else []
    )
    for step in steps:
        if isinstance(node[step], ScalarBoolean):
            node[step] = bool(node[step])
        else:
            _plain_truths(node[step])
    return node
