"""XML from strangers as a small tree: no entities, no DTDs, bounded depth, lines kept."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from xml.etree.ElementTree import ParseError

from evtplan.errors import InputError

__all__ = ["Node", "parse_xml"]

_DEEPEST = 64
# No guest has more devices than event channels, and no file sensibly so many domains.
_MOST_CHILDREN = 131_071
_MOST_ELEMENTS = 2_000_000


@dataclass(slots=True)
class Node:
    """An element: its name without namespace, attributes, text, children, and its line."""

    tag: str
    attributes: dict[str, str]
    line: int | None
    text: str = ""
    children: list["Node"] = field(default_factory=list)

    def get(self, name: str, default: str = "") -> str:
        """The attribute `name`."""
        return self.attributes.get(name, default).strip()

    def all(self, tag: str) -> Iterator["Node"]:
        """The children named `tag`."""
        return (child for child in self.children if child.tag == tag)

    def first(self, tag: str) -> "Node | None":
        """The first child named `tag`."""
        return next(self.all(tag), None)

    def at(self, *tags: str) -> "Node | None":
        """The first node down the path of `tags`."""
        node: Node | None = self
        for tag in tags:
            node = node.first(tag) if node else None
        return node

    def find(self, tag: str) -> Iterator["Node"]:
        """This node or those nearest below it that are named `tag`."""
        if self.tag == tag:
            yield self
            return
        for child in self.children:
            yield from child.find(tag)


class _Builder:
    """Takes the parser's events; `parser` is set to what tells the line."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.root: Node | None = None
        self.open: list[Node] = []
        self.elements = 0
        self.parser: Any = None

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        line = self.parser.CurrentLineNumber if self.parser else None
        self.elements += 1
        if len(self.open) >= _DEEPEST:
            raise InputError(self.path, f"XML nested more than {_DEEPEST} deep", line=line)
        if self.elements > _MOST_ELEMENTS:
            raise InputError(self.path, f"more than {_MOST_ELEMENTS} XML elements", line=line)
        node = Node(_local(tag), {_local(name): text for name, text in attributes.items()}, line)
        if self.open:
            siblings = self.open[-1].children
            if len(siblings) >= _MOST_CHILDREN:
                reason = f"more than {_MOST_CHILDREN} elements in <{self.open[-1].tag}>"
                raise InputError(self.path, reason, line=line)
            siblings.append(node)
        else:
            self.root = node
        self.open.append(node)

    def end(self, tag: str) -> None:
        self.open.pop()

    def data(self, text: str) -> None:
        # Text between children means nothing in the formats we read.
        if self.open and not self.open[-1].children:
            self.open[-1].text += text

    def close(self) -> Node | None:
        return self.root


def _local(name: str) -> str:
    return name.rpartition("}")[2]


def parse_xml(path: str, data: bytes) -> Node:
    """The tree of an XML document.

    Raises `InputError` with the line for what is no well-formed XML, declares entities or a
    document type, or nests too deeply.
    """
    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import DefusedXMLParser

    builder = _Builder(path)
    parser = DefusedXMLParser(target=builder, forbid_dtd=True)
    builder.parser = getattr(parser, "parser", None)
    try:
        parser.feed(data)
        parser.close()
    except ParseError as error:
        row, column = error.position
        reason = str(error).partition(":")[0]
        raise InputError(path, f"XML: {reason}", line=row, column=column + 1) from error
    except DefusedXmlException as error:
        line = builder.parser.CurrentLineNumber if builder.parser else None
        reason = "XML with a document type or entities of its own is not read"
        raise InputError(path, reason, line=line) from error
    except (ValueError, LookupError) as error:  # an encoding that does not exist
        raise InputError(path, f"XML: {error}") from error
    if builder.root is None:
        raise InputError(path, "XML without any element")
    return builder.root
