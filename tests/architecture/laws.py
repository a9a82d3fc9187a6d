"""The laws of the house, each a function from modules to faults; a fault is one line that says where and what."""

import ast
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatch
from pathlib import PurePosixPath

from tests.architecture.source import PRODUCT, Import, Module

Modules = Sequence[Module]

ARROWS: Mapping[str, frozenset[str]] = {
    "grid_functions": frozenset({"grid_functions"}),
    "protocols": frozenset({"protocols", "grid_functions"}),
    "adapters": frozenset({"adapters", "grid_functions"}),
    "certs": frozenset({"certs"}),
    "gateway": frozenset(PRODUCT),
}

# What stands between the clock, the network, chance and a decision is handed in; these modules would reach for it.
IMPURE = (
    *("aiohttp", "asyncio", "http.client", "http.server", "requests", "select", "selectors", "socket", "socketserver"),
    *("ssl", "urllib.request", "uvloop", "sqlalchemy", "sqlite3", "subprocess", "threading", "signal"),
    *("os", "pathlib", "shutil", "tempfile", "time", "random", "secrets"),
)

BEHIND_OTHERS = frozenset({"edgex", "heaters", "homeassistant", "ocpp"})
"""Families of adapters/ that are rooms of their own."""

_EMPTY_NAMES = {"util", "utils", "helper", "helpers", "common", "manager", "managers", "misc"}
_IGNORE = re.compile(r"#\s*type:\s*ignore")
_IGNORE_WITH_REASON = re.compile(r"#\s*type:\s*ignore\[[a-z0-9, -]+\]\s*#\s*\S.{7,}")
_NOQA_WITHOUT_RULE = re.compile(r"#\s*(noqa(?!:\s*[A-Z])|ruff:\s*noqa|mypy:)", re.IGNORECASE)


def folder_arrows(modules: Modules) -> Iterator[str]:
    """A folder imports only what its arrows reach; no product folder imports tests or benchmarks."""
    for module, one in _imports(modules):
        if module.folder not in ARROWS:
            continue
        if one.folder in {*PRODUCT, "tests", "benchmarks"} and one.folder not in ARROWS[module.folder]:
            yield f"{module.path}:{one.line} {module.folder} must not import {one.target}"


def ground_floor(modules: Modules) -> Iterator[str]:
    """model/ imports model/ only; all of grid_functions the standard library, area/ and building/ numpy besides."""
    for module, one in _imports(modules):
        if module.folder != "grid_functions":
            continue
        if one.folder == "grid_functions":
            if module.within("grid_functions.model") and not _within(one.target, "grid_functions.model"):
                yield f"{module.path}:{one.line} model/ imports model/ only, not {one.target}"
        elif one.folder == "numpy" and module.within("grid_functions.area", "grid_functions.building"):
            continue
        elif one.folder not in sys.stdlib_module_names and one.folder not in PRODUCT:
            yield f"{module.path}:{one.line} the ground floor stands on the standard library, not on {one.target}"


def siblings(modules: Modules, shared: Iterable[str] = ()) -> Iterator[str]:
    """A protocol never imports another protocol, a device family never another family; `shared` are no families."""
    for module, one in _imports(modules):
        for parent in ("protocols", "adapters.devices"):
            own, other = _child(module.name, parent), _child(one.target, parent)
            if own and other and own != other and f"{parent}.{other}" not in shared:
                yield f"{module.path}:{one.line} {parent}.{own} must not import its sibling {one.target}"
        own, other = _child(module.name, "adapters"), _child(one.target, "adapters")
        if own != other and {own, other} <= BEHIND_OTHERS:
            yield f"{module.path}:{one.line} adapters.{own} must not import its sibling {one.target}"


def purity(modules: Modules, pure: Iterable[str]) -> Iterator[str]:
    """Modules whose path matches `pure` neither import what reads clocks, draws or opens, nor ask the date themselves."""
    patterns = tuple(pure)
    judged = [module for module in modules if _matches(module.path, patterns)]
    names = frozenset(module.name for module in modules)
    for module in judged:
        for one in module.imports(names):
            if _within(one.target, *IMPURE):
                yield f"{module.path}:{one.line} is pure and must be handed what {one.target} would give"
        for node in module.nodes:
            if isinstance(node, ast.Call) and _asks_the_world(node.func):
                yield f"{module.path}:{node.lineno} is pure and must not call {ast.unparse(node.func)}()"


def awaiting(modules: Modules, may: Iterable[str], may_declare: Iterable[str] = ()) -> Iterator[str]:
    """Only modules whose path matches `may` await; those of `may_declare` hold `async def` without a body."""
    allowed, declaring = tuple(may), tuple(may_declare)
    for module in modules:
        if module.folder not in PRODUCT or _matches(module.path, allowed):
            continue
        for node in module.nodes:
            if isinstance(node, ast.AsyncFunctionDef) and _matches(module.path, declaring) and _is_bare(node):
                continue
            if isinstance(node, ast.Await | ast.AsyncFunctionDef | ast.AsyncFor | ast.AsyncWith):
                yield f"{module.path}:{node.lineno} may not await; is it in the right room?"
            elif isinstance(node, ast.comprehension) and node.is_async:
                yield f"{module.path}:{node.target.lineno} may not await; is it in the right room?"


def cycles(modules: Modules) -> Iterator[str]:
    """No module reaches itself again through what it imports, at any depth of the source."""
    names = frozenset(module.name for module in modules)
    edges = {module.name: sorted({one.target for one in module.imports(names)} & names) for module in modules}
    done: set[str] = set()
    for start in sorted(edges):
        yield from _walk(start, edges, [], done)


def no_type_checking(modules: Modules) -> Iterator[str]:
    """TYPE_CHECKING hides cycles."""
    for module in modules:
        for node in module.nodes:
            match node:
                case ast.Name(id="TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING"):
                    hidden = True
                case ast.ImportFrom(names=names):
                    hidden = any(alias.name == "TYPE_CHECKING" for alias in names)
                case _:
                    continue
            if hidden:
                yield f"{module.path}:{node.lineno} TYPE_CHECKING: import it, or move it down"


def no_importlib(modules: Modules, may: Iterable[str]) -> Iterator[str]:
    """Only modules whose path matches `may` import by name at run time; reading a package's own files is no import."""
    allowed = tuple(may)
    for module in modules:
        if _matches(module.path, allowed):
            continue
        for node in module.nodes:
            match node:
                case ast.Import(names=names):
                    named = {alias.name for alias in names} - {"importlib.resources"}
                case ast.ImportFrom(module=str(package), names=names):
                    named = {f"{package}.{alias.name}" for alias in names} - {"pkgutil.get_data", "importlib.resources"}
                case ast.Name(id="__import__"):
                    named = {"runpy"}
                case _:
                    continue
            for one in sorted(named):
                if _within(one, "importlib", "pkgutil", "runpy") and not _within(one, "importlib.resources"):
                    yield f"{module.path}:{node.lineno} importing by name belongs in a catalogue or the wiring"


def bare_packages(modules: Modules) -> Iterator[str]:
    """`__init__.py` holds a docstring and nothing else."""
    for module in modules:
        if not module.path.endswith("__init__.py"):
            continue
        if ast.get_docstring(module.tree) is None or len(module.tree.body) != 1:
            yield f"{module.path} holds a docstring only"


def lengths(modules: Modules, reasons: str, limit: int = 400, utmost: int = 500) -> Iterator[str]:
    """Product modules stay under 400 lines; under 500 if `reasons` (ARCHITECTURE.md) names the path in backticks."""
    for module in modules:
        if module.folder in PRODUCT and module.length >= (utmost if f"`{module.path}`" in reasons else limit):
            yield f"{module.path} has {module.length} lines; divide it, or give the reason in ARCHITECTURE.md"


def telling_names(modules: Modules) -> Iterator[str]:
    """File and folder names are nouns that say something."""
    for module in modules:
        for part in PurePosixPath(module.path).with_suffix("").parts:
            if part == "base" or _EMPTY_NAMES & set(part.strip("_").lower().split("_")):
                yield f"{module.path}: {part!r} says nothing; name it after what it holds"


def ignores(modules: Modules, most: int = 20) -> Iterator[str]:
    """At most 20 `type: ignore`, each with code and reason; a noqa names its rule; no file relaxes mypy or ruff."""
    seen = 0
    for module in modules:
        for line, comment in module.comments():
            if _IGNORE.search(comment):
                seen += 1
                if not _IGNORE_WITH_REASON.search(comment):
                    yield f"{module.path}:{line} write `type: ignore[code]  # reason`"
            if _NOQA_WITHOUT_RULE.search(comment):
                yield f"{module.path}:{line} names no rule, or relaxes a whole file: {comment}"
    if seen > most:
        yield f"{seen} `type: ignore` in all, {most} are the most"


def frozen_nouns(modules: Modules) -> Iterator[str]:
    """Every dataclass of the ground floor is frozen and slotted."""
    for module in modules:
        if module.folder != "grid_functions":
            continue
        for node in module.nodes:
            if not isinstance(node, ast.ClassDef):
                continue
            for decorator in node.decorator_list:
                if "dataclass" in ast.unparse(decorator) and not {"frozen", "slots"} <= _switched_on(decorator):
                    yield f"{module.path}:{node.lineno} {node.name} must be dataclass(frozen=True, slots=True)"


def _imports(modules: Modules) -> Iterator[tuple[Module, Import]]:
    names = frozenset(module.name for module in modules)
    for module in modules:
        for one in module.imports(names):
            yield module, one


def _within(name: str, *prefixes: str) -> bool:
    return any(name == one or name.startswith(f"{one}.") for one in prefixes)


def _child(name: str, parent: str) -> str:
    """The part of a dotted name directly below `parent`, or nothing."""
    return name.removeprefix(f"{parent}.").partition(".")[0] if name.startswith(f"{parent}.") else ""


def _matches(path: str, patterns: Iterable[str]) -> bool:
    return any(fnmatch(path, pattern) for pattern in patterns)


def _asks_the_world(called: ast.expr) -> bool:
    if isinstance(called, ast.Name):
        return called.id in {"open", "input", "print"}
    text = ast.unparse(called)
    return text.endswith(
        ("datetime.now", "datetime.utcnow", "datetime.today", "date.today", "uuid.uuid4", "uuid.uuid1")
    )


def _is_bare(function: ast.AsyncFunctionDef) -> bool:
    return all(isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant) for line in function.body)


def _switched_on(decorator: ast.expr) -> set[str]:
    if not isinstance(decorator, ast.Call):
        return set()
    return {
        word.arg
        for word in decorator.keywords
        if word.arg and isinstance(word.value, ast.Constant) and word.value.value is True
    }


def _walk(name: str, edges: Mapping[str, list[str]], path: list[str], done: set[str]) -> Iterator[str]:
    if name in path:
        yield " -> ".join([*path[path.index(name) :], name])
    elif name not in done:
        for target in edges[name]:
            yield from _walk(target, edges, [*path, name], done)
        done.add(name)
