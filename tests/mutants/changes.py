"""Every small change that cosmic-ray can make to a source, and a seeded sample of them."""

import ast
import random
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import unified_diff
from itertools import pairwise

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator, operator_names

Position = tuple[int, int]
Span = tuple[Position, Position]

_ANYBODYS = frozenset({"core/ReplaceComparisonOperator_Eq_Is", "core/ReplaceComparisonOperator_NotEq_IsNot"})
_ALIKE = frozenset({"core/ReplaceComparisonOperator_Is_Eq", "core/ReplaceComparisonOperator_IsNot_NotEq"})


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
    """All changes to one source, but the kinds that no test could ever tell from the original, or that prove nothing.

    * Annotations fail on import or not at all; the decorators of classes (`frozen`, `slots`) are held by the laws of the house.
    * `==` for `is` says the same beside None, True, False or a member of an enum: no type of ours redefines equality.
    * `is` for `==` is the interpreter's business: whether two equal numbers or texts are one object is no promise of anybody's.
    * Without `@cache` a pure function gives the same values, only later.
    """
    tree = ast.parse(source)
    spared = list(_spared(tree))
    alike = list(_alike(tree))
    nodes = list(ast_nodes(get_ast(source)))
    for name in operator_names():
        if name in _ANYBODYS or get_operator(name).arguments():
            continue
        operator = get_operator(name)()
        places = (start for node in nodes for start, _ in operator.mutation_positions(node))
        for occurrence, start in enumerate(places):
            if _within(start, spared) or (name in _ALIKE and _within(start, alike)):
                continue
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


def _within(start: Position, spans: Sequence[Span]) -> bool:
    return any(first <= start < last for first, last in spans)


def _alike(tree: ast.Module) -> Iterator[Span]:
    """Where `is` stands beside a value of which there is only one."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            for left, right in pairwise([node.left, *node.comparators]):
                if _single(right) and left.end_lineno is not None and left.end_col_offset is not None:
                    yield (left.end_lineno, left.end_col_offset), (right.lineno, right.col_offset)


def _single(node: ast.expr) -> bool:
    if isinstance(node, ast.Constant):
        return node.value is None or isinstance(node.value, bool)
    return isinstance(node, ast.Attribute) and node.attr.isupper()


def _spared(tree: ast.Module) -> Iterator[Span]:
    for node in ast.walk(tree):
        noted: list[ast.expr | None] = []
        if isinstance(node, ast.AnnAssign | ast.arg):
            noted.append(node.annotation)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            noted.append(node.returns)
            noted.extend(one for one in node.decorator_list if isinstance(one, ast.Name) and one.id == "cache")
        elif isinstance(node, ast.ClassDef):
            noted.extend(node.decorator_list)
        for one in noted:
            if one is not None and one.end_lineno is not None and one.end_col_offset is not None:
                yield (one.lineno, one.col_offset - 1), (one.end_lineno, one.end_col_offset)
