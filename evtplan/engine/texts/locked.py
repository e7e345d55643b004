"""Locked operations and locks: what a text does to memory in one indivisible step."""

import ast

from evtplan.engine.system import (
    Cond,
    Const,
    Guard,
    LocalRead,
    Old,
    Place,
    Rmw,
    Store,
)
from evtplan.engine.texts.arithmetic import binary, constant, negate, truth
from evtplan.engine.texts.flow import Node, NodeKind, Value
from evtplan.engine.texts.places import Held, Places, Spot
from evtplan.engine.texts.scope import BIT_TYPE, Type
from evtplan.engine.texts.words import LOCKED_WORDS

__all__ = ["Locked"]


class Locked(Places):
    """Lowers locked operations and locks."""

    def locked(self, name: str, node: ast.Call) -> Value | None:
        """A locked read-modify-write: its old value, or None for one that gives none."""
        wanted = _ARGUMENTS[name]
        if len(node.args) != wanted or node.keywords:
            raise self.fail(node, f"{name} takes {wanted} arguments", _FORMS[name])
        operands = self._operands(name, node)
        spot = self.spot(node.args[0])
        if spot is None:
            raise self.fail(node.args[0], f"{name} needs a place in memory", _FORMS[name])
        if not spot.is_shared:
            raise self.fail(node, f"{name} is for shared memory", "a ghost is read and set freely")
        if spot.type.is_lock:
            raise self.fail(node, "a lock is taken, not written", "with L:, acquire(L), release(L)")
        type_ = Type(0, spot.type.most, spot.type.word, spot.type.bits)
        old = Value(Old(), 0, type_.most, type_)
        new, checked = self._new_value(name, old, operands, spot, node)
        if name in ("set_bit", "clear_bit"):
            self.access(Rmw(spot.place, new.expr, checked=checked), node)
            return None
        slot = self.temporary(0, type_.most)
        self.access(Rmw(spot.place, new.expr, slot, checked=checked), node)
        result = Value(LocalRead(slot), 0, type_.most, type_)
        if name in _FETCH and type_.word is not None:
            self._fields_fit(type_, binary(_FETCH[name], result, operands[0]), node.lineno)
        return result

    def _operands(self, name: str, node: ast.Call) -> list[Value]:
        before, inside = self.accesses_left, self.only_inside
        self.accesses_left = 0
        self.only_inside = f"{name} is one access, its values are local"
        operands = [self.value(argument) for argument in node.args[1:]]
        self.accesses_left, self.only_inside = before, inside
        if self.has_access_in_index(node.args[0]):
            operands = [self.hold(value, node.lineno) for value in operands]
        return operands

    def has_access_in_index(self, node: ast.expr) -> bool:
        """True where naming the place takes an access of its own."""
        while isinstance(node, ast.Attribute | ast.Subscript):
            if isinstance(node, ast.Subscript) and self.has_access(node.slice):
                return True
            node = node.value
        return False

    def _new_value(
        self, name: str, old: Value, operands: list[Value], spot: Spot, node: ast.Call
    ) -> tuple[Value, bool]:
        type_, line = spot.type, node.lineno
        if name in ("test_and_set", "set_bit", "test_and_clear", "clear_bit"):
            if type_.most != 1:
                raise self.fail(node, f"{name} is for one bit", "a field of type bit, a bit")
            return constant(int(name in ("test_and_set", "set_bit"))), False
        if name == "exchange":
            return operands[0], self._fits_place(spot, operands[0], line, node)
        if name == "cmpxchg":
            checked = self._fits_place(spot, operands[1], line, node)
            same = binary("==", old, operands[0])
            return Value(Cond(truth(same), operands[1].expr, Old()), 0, type_.most), checked
        new = binary(_FETCH[name], old, operands[0])
        if type_.bits:  # a word of bits wraps, as the machine's does
            return binary("&", new, constant(type_.most)), False
        return new, new.low < 0 or new.most > type_.most

    # -- locks

    def lock_place(self, node: ast.expr) -> Place:
        """The lock that `node` names."""
        spot = self.spot(node)
        if spot is None or not spot.type.is_lock:
            raise self.fail(node, "this is no lock", "a variable of type lock")
        return spot.place

    def take(self, place: Place, node: ast.AST) -> None:
        """Wait until the lock is free and take it: one step."""
        slot = self.temporary(0, 1)
        self.access(Rmw(place, Const(1), slot, acquire=True), node)
        free = negate(Value(LocalRead(slot), 0, 1, BIT_TYPE))
        self.graph.local_work(Guard(free.expr), getattr(node, "lineno", 0))

    def release_node(self, place: Place, line: int) -> Node:
        """The step that frees a lock."""
        return Node(NodeKind.ACCESS, line, Store(place, Const(0), release=True))

    def exit_to(self, label: Node, depth: int) -> None:
        """Jump to `label`, first releasing every lock taken inside `frame.around[depth:]`."""
        for around in reversed(self.frame.around[depth:]):
            if not isinstance(around, Held):
                continue
            known = around.releases.get(id(label))
            if known is not None:
                self.graph.connect(known)
                return
            node = self.release_node(around.place, around.line)
            around.releases[id(label)] = node
            self.graph.add(node)
        self.graph.connect(label)


_FETCH = {"fetch_add": "+", "fetch_or": "|", "fetch_and": "&", "fetch_xor": "^"}
_ARGUMENTS = dict.fromkeys(LOCKED_WORDS, 2) | {
    "test_and_set": 1, "test_and_clear": 1, "set_bit": 1, "clear_bit": 1, "cmpxchg": 3,
}  # fmt: skip
_FORMS = (
    {name: f"{name}(place, value)" for name in LOCKED_WORDS}
    | {
        name: f"{name}(place)"
        for name in ("test_and_set", "test_and_clear", "set_bit", "clear_bit")
    }
    | {"cmpxchg": "cmpxchg(place, expected, new)"}
)
