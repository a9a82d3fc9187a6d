"""Every small change that cosmic-ray can make to a source, and a seeded sample of them."""

import ast
import random
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import unified_diff

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator, operator_names

Position = tuple[int, int]


@dataclass(frozen=True, order=True)
class Change:
    """One change: the `occurrence`-th place in `path` where `operator` applies, which starts at line and column."""

    path: str
    start: Position
    operator: str
    occurrence: int

    def apply(self, source: str) -> str:
        """The changed source."""
        changed = mutate_code(source, get_operator(self.operator)(), self.occurrence)
        if changed is None:
            raise ValueError(f"{self} does not apply")
        return str(changed)

    def diff(self, source: str) -> str:
        """What it changes, for people."""
        lines = unified_diff(source.splitlines(), self.apply(source).splitlines(), self.path, self.path, "", "", 1, "")
        return "\n".join(lines)


def changes(path: str, source: str) -> Iterator[Change]:
    """All changes to one source, but those to annotations and class decorators.

    The former fail on import or not at all, which proves nothing; the latter the laws of the house hold.
    """
    spared = list(_spared(source))
    nodes = list(ast_nodes(get_ast(source)))
    for name in operator_names():
        if get_operator(name).arguments():
            continue
        operator = get_operator(name)()
        places = (start for node in nodes for start, _ in operator.mutation_positions(node))
        for occurrence, start in enumerate(places):
            if not any(first <= start < last for first, last in spared):
                yield Change(path, start, name, occurrence)


def sample(sources: Mapping[str, str], count: int, seed: int) -> Sequence[Change]:
    """At most `count` changes, each at another place: first the places are drawn, then one change of each.

    Drawing places first keeps one `+`, which can become ten other operators, from counting ten times.
    """
    places: dict[tuple[str, Position], list[Change]] = defaultdict(list)
    for path, source in sorted(sources.items()):
        for change in changes(path, source):
            places[path, change.start].append(change)
    # Seeded on purpose: the same sources give the same sample.
    dice = random.Random(seed)  # noqa: S311 no secret
    drawn = dice.sample(sorted(places), min(count, len(places)))
    return [dice.choice(sorted(places[place])) for place in drawn]


def _spared(source: str) -> Iterator[tuple[Position, Position]]:
    for node in ast.walk(ast.parse(source)):
        noted: list[ast.expr | None] = []
        if isinstance(node, ast.AnnAssign | ast.arg):
            noted.append(node.annotation)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            noted.append(node.returns)
        elif isinstance(node, ast.ClassDef):
            noted.extend(node.decorator_list)
        for one in noted:
            if one is not None and one.end_lineno is not None and one.end_col_offset is not None:
                yield (one.lineno, one.col_offset - 1), (one.end_lineno, one.end_col_offset)
