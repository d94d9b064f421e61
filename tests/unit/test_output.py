"""Tables on standard output: drawn where they are short, plain columns where they are long."""

from __future__ import annotations

import io

from rich.console import Console

from srbackup.cli.output import print_table


def printed(rows: int) -> list[str]:
    console = Console(file=io.StringIO(), width=60)
    print_table(console, ("point", "state"), [(f"p-{n}", "[green]complete[/], held \\[x]") for n in range(rows)])
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


def test_a_short_table_is_drawn() -> None:
    assert printed(500)[1].startswith("┃ point ┃ state")


def test_a_long_table_comes_as_plain_columns_one_line_a_row() -> None:
    lines = printed(501)
    assert (lines[0], lines[1], lines[501]) == (
        "point  state",
        "p-0    complete, held [x]",
        "p-500  complete, held [x]",
    )
    assert len(lines) == 502
