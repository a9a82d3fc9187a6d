"""The sources of the house as trees: what each module imports, and where."""

import ast
import io
import tokenize
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = ("grid_functions", "protocols", "adapters", "certs", "gateway")
EVERYTHING = (*PRODUCT, "tests", "benchmarks")


@dataclass(frozen=True)
class Import:
    """One imported module, by its full name, and the line that asks for it."""

    target: str
    line: int

    @property
    def folder(self) -> str:
        """The top-level package."""
        return self.target.partition(".")[0]


class Module:
    """One source file of the house: `path` is relative to the root, with slashes."""

    def __init__(self, path: str, text: str) -> None:
        self.path = path
        self.text = text

    @cached_property
    def tree(self) -> ast.Module:
        """Its syntax tree."""
        return ast.parse(self.text, self.path)

    @cached_property
    def nodes(self) -> tuple[ast.AST, ...]:
        """Every node of it."""
        return tuple(ast.walk(self.tree))

    @property
    def name(self) -> str:
        """The dotted name; a package has that of its folder."""
        parts = PurePosixPath(self.path).with_suffix("").parts
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    @property
    def folder(self) -> str:
        """The top-level package it lies in."""
        return self.path.partition("/")[0]

    @property
    def length(self) -> int:
        """Lines."""
        return len(self.text.splitlines())

    def within(self, *prefixes: str) -> bool:
        """Whether its dotted name is one of these or lies below one."""
        return any(self.name == one or self.name.startswith(f"{one}.") for one in prefixes)

    def imports(self, names: frozenset[str]) -> Iterator[Import]:
        """Every import at any depth; `names` are the modules that exist, to tell a module from what it holds."""
        for node in self.nodes:
            if isinstance(node, ast.Import):
                for alias in node.names:
                    yield Import(alias.name, node.lineno)
            elif isinstance(node, ast.ImportFrom):
                package = self._absolute(node)
                for alias in node.names:
                    full = f"{package}.{alias.name}"
                    yield Import(full if full in names else package, node.lineno)

    def comments(self) -> Iterator[tuple[int, str]]:
        """Line and text of every comment; what stands in strings is no comment."""
        for token in tokenize.generate_tokens(io.StringIO(self.text).readline):
            if token.type == tokenize.COMMENT:
                yield token.start[0], token.string

    def _absolute(self, node: ast.ImportFrom) -> str:
        if not node.level:
            return node.module or ""
        package = self.name.split(".") if self.path.endswith("__init__.py") else self.name.split(".")[:-1]
        kept = package[: len(package) - node.level + 1]
        return ".".join([*kept, *([node.module] if node.module else [])])


def house(root: Path = ROOT, folders: Iterable[str] = EVERYTHING) -> list[Module]:
    """Every module of these folders, in order of its path."""
    return [read(path, root) for folder in folders for path in sorted((root / folder).rglob("*.py"))]


@cache
def read(path: Path, root: Path = ROOT) -> Module:
    """One module; who asks again shares its tree."""
    return Module(path.relative_to(root).as_posix(), path.read_text())


def built(sources: Mapping[str, str]) -> list[Module]:
    """A house made of words, for tests of the laws themselves."""
    return [Module(path, text) for path, text in sources.items()]
