"""One reader per message type, generated as Python source from the type's table and compiled once.

A tree is read in one flat walk: each reader takes as many elements off the shared walk as its element has children,
so that no iterator is made per element. Generated code, because a loop over tables costs twice the time per element.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import islice
from typing import Any

from grid_functions.model.making import twin_of
from protocols.ieee2030_5.wire.namespaces import CSIPAUS_EDITIONS
from protocols.ieee2030_5.wire.scalars import Text, Truth, Whole
from protocols.ieee2030_5.wire.schema import Field, fields_of
from protocols.ieee2030_5.wire.values import TRUTHS, BadValue, Parse, parser_of


@dataclass(frozen=True, slots=True)
class Remark:
    """A detail that broke a rule and was set aside or drawn in; its message (or list item `index`) stands."""

    index: int | None
    reason: str


class Notes:
    """What one decode gathers on its way; `strange` = an element with content was passed over. `spared`: the namespace of whatever is
    in none."""

    __slots__ = ("index", "remarks", "spared", "strange")

    def __init__(self, spared: str = "") -> None:
        self.spared = spared
        self.index: int | None = None
        self.remarks: list[Remark] = []
        self.strange = False

    def remark(self, reason: str) -> None:
        """Keep a remark on the item being read."""
        self.remarks.append(Remark(self.index, reason))


_USUAL = {str(number): number for number in range(-100, 1001)}
"""Most numbers of a message are small, and to look one up takes half the time of int() and its checks."""

Read = Callable[[Any, Iterator[Any], Notes], Any]
"""(element, the walk over all below it, notes) -> value; raises BadValue."""


@cache
def reader_of(kind: Any, namespace: str) -> Read:
    """The reader of one type whose elements stand in `namespace`."""
    table = fields_of(kind)
    elements = [field for field in table if not field.is_attribute]
    places = {tag: place for place, field in enumerate(elements) for tag in _tags(field, namespace)}
    names: dict[str, Any] = {
        "BadValue": BadValue,
        "careful": _careful,
        "drop": drop,
        "islice": islice,
        "kind": kind,
        "label": _label,
        "known": frozenset(_local(tag) for tag in places),
        "local": _local,
        "new": object.__new__,
        "pass_over": pass_over,
        "places": places,
        "truths": TRUTHS,
        "usual": _USUAL,
        "twin": twin_of(kind),
    }
    for field in table:
        names[f"field_{field.name}"] = field
        match field.holds:
            case type():
                inner: Any = field.holds
                names[f"read_{field.name}"] = reader_of(inner, namespace)
            case rule:
                names[f"parse_{field.name}"] = parser_of(rule)
    source = "\n".join(_source(table, elements))
    # The source is made of our own tables only; the names in it are the schema's.
    exec(compile(source, f"<reader of {kind.__name__}>", "exec"), names)  # noqa: S102
    read: Read = names["read"]
    return read


def attribute_parser(field: Field) -> Parse:
    """The parser of an attribute, which always holds a scalar."""
    if isinstance(field.holds, type):
        raise TypeError(f"{field.name} is an attribute and holds no elements")
    return parser_of(field.holds)


def drop(field: Field, bad: BadValue, notes: Notes) -> None:
    """Leave out a bad attribute with a remark, unless the schema demands it."""
    if field.required:
        raise bad.within(field.name) from None
    notes.remark(f"{field.name}: {bad.reason}")


def pass_over(element: Any, below: Iterator[Any], known: frozenset[str], notes: Notes) -> None:
    """Step past an element that the type does not know, and past all that it holds."""
    namespace, _, name = element.tag.rpartition("}")
    if name in known:
        raise BadValue(f"is in namespace {namespace[1:81] or notes.spared!r}").within(name)
    left = len(element)
    notes.strange = notes.strange or left > 0
    while left:
        left += len(next(below)) - 1


def _source(table: tuple[Field, ...], elements: list[Field]) -> Iterator[str]:
    yield "def read(element, below, notes):"
    for field in elements:
        yield f"    v_{field.name} = {'[]' if field.count else 'None'}"
    for field in table:
        if field.is_attribute:
            value = f"v_{field.name}"
            yield f"    {value} = element.get('{field.name}')"
            plain = f" and len({value}) > {field.holds.length}" if isinstance(field.holds, Text) else ""
            yield f"    if {value} is not None{plain}:"
            yield "        try:"
            yield f"            {value} = parse_{field.name}({value})"
            yield "        except BadValue as bad:"
            yield f"            {value} = drop(field_{field.name}, bad, notes)"
    if not elements:
        yield "    if len(element):"
        yield "        for child in islice(below, len(element)):"
        yield "            pass_over(child, below, known, notes)"
    else:
        yield from _loop(elements)
    for field in table:
        name = field.name
        if field.count:
            yield f"    if not {field.count.low} <= len(v_{name}) <= {field.count.high}:"
            yield f"        raise BadValue('stands %d times' % len(v_{name})).within('{name}')"
            yield f"    v_{name} = tuple(v_{name})"
        elif field.required:
            yield f"    if v_{name} is None:"
            yield f"        raise BadValue('is missing').within('{name}')"
    yield "    message = new(twin)"
    for field in table:
        yield f"    message.{field.attribute_name} = v_{field.name}"
    yield "    message.__class__ = kind"
    yield "    return message"


def _loop(elements: list[Field]) -> Iterator[str]:
    yield "    for child in islice(below, len(element)):"
    yield "        tag = child.tag"
    yield "        try:"
    yield "            place = places[tag]"
    yield "        except KeyError:"
    yield "            pass_over(child, below, known, notes)"
    yield "            continue"
    yield "        try:"
    yield from _branches(elements, 0, " " * 12)
    yield "        except BadValue as bad:"
    yield "            raise bad.within(local(tag)) from None"


def _branches(elements: list[Field], first: int, indent: str) -> Iterator[str]:
    """A tree of comparisons on `place`, for there is no jump table in Python."""
    if len(elements) == 1:
        yield from (indent + line for line in _taking(elements[0]))
        return
    half = (len(elements) + 1) // 2
    yield f"{indent}if place < {first + half}:"
    yield from _branches(elements[:half], first, indent + "    ")
    yield f"{indent}else:"
    yield from _branches(elements[half:], first + half, indent + "    ")


def _taking(field: Field) -> Iterator[str]:
    """Take the value of one child element."""
    name = field.name
    value = f"v_{name}"
    if field.count is None:
        yield f"if {value} is not None:"
        yield "    raise BadValue('is given twice')"
    match field.holds:
        case Whole(low, high):
            yield "text = child.text"
            yield f"{value} = usual.get(text)"
            yield f"if {value} is None:"
            yield "    try:"
            yield f"        {value} = int(text)"
            # int() takes underscores and digits of other scripts too: the careful path knows the schema's spelling.
            yield "        if '_' in text or not text.isascii():"
            yield f"            {value} = careful(child, parse_{name}, notes)"
            yield "    except (TypeError, ValueError):"
            yield f"        {value} = careful(child, parse_{name}, notes)"
            yield f"if {value} < {low} or {value} > {high}:"
            yield f"    {value} = careful(child, parse_{name}, notes)"
        case Text(length):
            yield f"{value} = child.text"
            yield f"if {value} is None or len({value}) > {length}:"
            yield f"    {value} = label(child, parse_{name}, notes)"
        case Truth():
            yield f"{value} = truths.get(child.text)"
            yield f"if {value} is None:"
            yield f"    {value} = parse_{name}(child.text)"
        case type():
            reading = f"read_{name}(child, below, notes)"
            yield f"{value}.append({reading})" if field.count else f"{value} = {reading}"
        case _:
            yield f"{value} = parse_{name}(child.text)"


def _tags(field: Field, namespace: str) -> list[str]:
    """Every qualified name under which the element is taken."""
    if field.csipaus is None:
        return [qualified(namespace, field.name)]
    spellings = {field.name, field.csipaus.first_name or field.name}
    return [f"{{{each}}}{name}" for each in CSIPAUS_EDITIONS for name in sorted(spellings)]


def qualified(namespace: str, name: str) -> str:
    """A name as lxml tells it; ``namespace`` empty = none."""
    return f"{{{namespace}}}{name}" if namespace else name


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


def _careful(element: Any, parse: Parse, notes: Notes) -> Any:
    """A number that is not plainly in its range: refused, or drawn in with a remark, or only written unusually."""
    text = element.text
    value: Any = parse(text)
    if int(text) != value:
        notes.remark(f"{_local(element.tag)}: {text[:40]!r} is drawn to {value}")
    return value


def _label(element: Any, parse: Parse, notes: Notes) -> Any:
    """A text that is empty or too long: refused, or cut with a remark if it is a label."""
    text = parse(element.text)
    if text != (element.text or ""):
        notes.remark(f"{_local(element.tag)}: is cut to {text!r}")
    return text
