"""A text and values for its parameters become a transition system; docs/protocol-language.md
defines what a step is.
"""

import ast
from collections.abc import Mapping
from dataclasses import dataclass, replace

from evtplan.engine.bodies import IN_RANGE
from evtplan.engine.interpreter import Memory, OutOfRangeError, Run
from evtplan.engine.language import DeclaredProcess, DeclaredProperty, Text, TextError
from evtplan.engine.system import (
    Assert,
    Block,
    ControlPoint,
    If,
    LocalVariable,
    Mark,
    Me,
    ProcessKind,
    Property,
    PropertyKind,
    TransitionSystem,
    Variable,
    VariableKind,
)
from evtplan.engine.texts.arithmetic import constant
from evtplan.engine.texts.flow import Node, NodeKind, Value
from evtplan.engine.texts.scope import Scope, Type, bind
from evtplan.engine.texts.statements import Statements
from evtplan.engine.texts.steps import Steps
from evtplan.errors import UnknownNameError

__all__ = ["MEMORY_MODELS", "Procedure", "lower", "lower_procedure"]

MEMORY_MODELS = ("sc", "tso", "pso")
MOST_PROCESSES = 64


@dataclass(frozen=True, slots=True)
class Procedure:
    """A plain function of a text as a process kind that a host runs.

    Its `parameters` are the first locals, in order, set by the caller; it starts at point 0 and at
    `END` leaves what it returns in the local `result` (None where it returns nothing).
    """

    kind: ProcessKind
    variables: tuple[Variable, ...]
    parameters: tuple[int, ...]
    result: int | None
    constants: Mapping[str, int]
    source: tuple[str, ...]
    path: str


def lower(
    text: Text,
    parameters: Mapping[str, int] | None = None,
    *,
    memory: str = "sc",
    history: bool = False,
    properties: bool = True,
) -> TransitionSystem:
    """The transition system of `text` for one scenario.

    `memory` is a memory model's name: fences are steps of their own where there are store buffers.
    With `history` its history variables are kept and the properties that read them are there with
    their bodies. Raises `TextError`, `ValueOutOfRangeError`, `UnknownNameError`.
    """
    if memory not in MEMORY_MODELS:
        raise UnknownNameError("memory model", memory, MEMORY_MODELS)
    try:
        return _Lowering(text, parameters or {}, memory, history).system(properties)
    except RecursionError as error:
        raise TextError(text.path, "nested too deeply", hint="split the expression") from error


def lower_procedure(
    text: Text,
    name: str,
    parameters: Mapping[str, int] | None = None,
    *,
    arguments: Mapping[str, int] | None = None,
    memory: str = "sc",
    history: bool = False,
) -> Procedure:
    """The plain top-level function `name` of `text`, for a host to call.

    `arguments` are those of its parameters that are constants; the others must be annotated and
    become its first locals. Raises as `lower`, and `UnknownNameError` for an unknown function.
    """
    try:
        lowering = _Lowering(text, parameters or {}, memory, history)
        return lowering.procedure(name, arguments or {})
    except RecursionError as error:
        raise TextError(text.path, "nested too deeply", hint="split the expression") from error


class _Lowering:
    def __init__(
        self, text: Text, parameters: Mapping[str, int], memory: str, history: bool
    ) -> None:
        self.text = text
        self.scope: Scope = bind(text, parameters, history=history)
        self.memory = memory
        self.history = history
        self.assertions: dict[str, Property] = {}
        self.has_history = False

    # -- the whole

    def system(self, with_properties: bool) -> TransitionSystem:
        if not self.text.processes:
            raise TextError(
                self.text.path, "a text without processes", hint="@process\ndef name(): …"
            )
        memory = Memory(self.scope.variables.values())
        kinds: list[ProcessKind] = []
        for declared in self.text.processes:
            kinds += self._kinds(declared, memory)
        if not kinds:
            raise TextError(self.text.path, "no process is left for these parameters")
        if sum(kind.count for kind in kinds) > MOST_PROCESSES:
            raise TextError(self.text.path, "too many processes", hint=f"at most {MOST_PROCESSES}")
        variables = tuple(
            replace(v, initial=tuple(memory.cells[v.base : v.base + v.cells]))
            for v in self.scope.variables.values()
        )
        return TransitionSystem(
            name=self.text.name,
            path=self.text.path,
            source=self.text.source,
            parameters=self.scope.parameters,
            memory=self.memory,
            variables=variables,
            kinds=tuple(kinds),
            properties=self._properties() if with_properties else (),
            with_history=self.history,
        )

    def _fail_line(self, line: int, reason: str, hint: str) -> TextError:
        return TextError(self.text.path, reason, line=line or None, column=1, hint=hint)

    def _code(self, *, free: bool = False) -> Statements:
        return Statements(self.scope, history=self.history, memory=self.memory, free=free)

    # -- processes

    def _kinds(self, declared: DeclaredProcess, memory: Memory) -> list[ProcessKind]:
        count = self.scope.number(declared.count) if declared.count is not None else 1
        if count < 0 or count > MOST_PROCESSES:
            raise self.scope.fail(declared.count, f"{count} processes", f"0 … {MOST_PROCESSES}")
        if count == 0:
            return []
        numbers = Type(0, count - 1)
        me = Value(Me(), 0, count - 1, numbers) if count > 1 else constant(0, numbers)
        together = self._kind(declared, me, count)
        before = list(memory.cells)
        starts = [self._begin(together, number, memory) for number in range(count)]
        if len(set(starts)) == 1:
            point, locals_ = starts[0]
            return [replace(together[0], start=point, initial=locals_)]
        memory.cells[:] = before
        made = []
        for number in range(count):  # each begins in another way: a kind of its own
            alone = self._kind(declared, constant(number, Type(0, count - 1)), 1)
            point, locals_ = self._begin(alone, 0, memory)
            name = f"{alone[0].name}{number}"
            made.append(replace(alone[0], name=name, start=point, initial=locals_))
        return made

    def _kind(self, declared: DeclaredProcess, me: Value, count: int) -> tuple[ProcessKind, Block]:
        function = declared.function
        code = self._code()
        code.waits = declared.waits is not None and bool(self.scope.number(declared.waits))
        names: dict[str, int | Value] = {}
        for parameter in function.args.args:
            code.no_memory(parameter.arg, parameter)
            names[parameter.arg] = me
        code.body(function, names)
        code.graph.add(Node(NodeKind.END, function.lineno))
        steps = Steps(code.graph, self._fail_line, self.text.source)
        entry = steps.entry()
        points = steps.control_points()
        kind = ProcessKind(
            name=function.name,
            count=count,
            points=points,
            locals=_locals(code),
            start=0,
            initial=(0,) * len(code.graph.locals),
            uses_me=code.uses_me,
        )
        self._observe(points, code.sentences)
        return kind, entry

    def _begin(
        self, made: tuple[ProcessKind, Block], number: int, memory: Memory
    ) -> tuple[int, tuple[int, ...]]:
        kind, entry = made
        most = tuple(local.most for local in kind.locals)
        run = Run(memory, list(kind.initial), most, number)
        try:
            outcome = run.run(entry)
        except (ValueError, OutOfRangeError) as error:
            raise self._fail_line(
                0, f"{kind.name} goes out of range before its first step", ""
            ) from error
        return outcome.point, tuple(run.locals)

    def _observe(
        self, points: tuple[ControlPoint, ...], sentences: Mapping[str, tuple[str, bool]]
    ) -> None:
        """Note the properties that assertions and marks make."""
        todo: list[Block] = [point.body for point in points]
        while todo:
            for statement in todo.pop():
                if isinstance(statement, If):
                    todo += (statement.then, statement.other)
                elif isinstance(statement, Assert):
                    if statement.name in sentences:  # in_range has a property of its own
                        sentence, history = sentences[statement.name]
                        self._note(statement.name, sentence, statement.line, history)
                elif isinstance(statement, Mark):
                    made = Property(statement.name, PropertyKind.SOMETIMES, statement.name, 0)
                    self.assertions.setdefault(statement.name, made)
        for name, (sentence, history) in sentences.items():
            if history and not self.history:
                self._note(name, sentence, 0, history)

    def _note(self, name: str, sentence: str, line: int, history: bool) -> None:
        made = Property(name, PropertyKind.ALWAYS, sentence, line, history=history)
        self.assertions.setdefault(name, made)

    # -- procedures

    def procedure(self, name: str, arguments: Mapping[str, int]) -> Procedure:
        if name not in self.text.functions:
            raise UnknownNameError("function", name, self.text.functions)
        function = self.text.functions[name]
        code = self._code()
        names: dict[str, int | Value] = {}
        parameters = []
        for parameter in function.args.args:
            if parameter.arg in arguments:
                names[parameter.arg] = constant(arguments[parameter.arg])
                continue
            if parameter.annotation is None:
                raise self.scope.fail(parameter, f"{parameter.arg} has no type", "name: type")
            kind = self.scope.type_of(parameter.annotation)
            slot = code.graph.new_local(parameter.arg, kind)
            names[parameter.arg] = slot
            parameters.append(slot)
        code.graph.add(Node(NodeKind.PAUSE, function.lineno))
        frame = code.body(function, names)
        code.graph.add(Node(NodeKind.END, function.lineno))
        at_end = frozenset(() if frame.result is None else (frame.result,))
        steps = Steps(code.graph, self._fail_line, self.text.source, at_end)
        steps.entry()
        made = ProcessKind(
            name=name,
            count=1,
            points=steps.control_points(),
            locals=_locals(code),
            start=0,
            initial=(0,) * len(code.graph.locals),
        )
        return Procedure(
            kind=made,
            variables=tuple(self.scope.variables.values()),
            parameters=tuple(parameters),
            result=frame.result,
            constants=dict(self.scope.parameters),
            source=self.text.source,
            path=self.text.path,
        )

    # -- properties

    def _properties(self) -> tuple[Property, ...]:
        found = [self._property(declared) for declared in self.text.properties]
        found += self.assertions.values()
        found.append(
            Property(
                IN_RANGE,
                PropertyKind.ALWAYS,
                "every value is within its type, every index within its array",
                0,
            )
        )
        for name, kind, default, sentence in _FLAGS:
            node = self.text.flags.get(name)
            if self.scope.number(node) if node is not None else default:
                line = getattr(node, "lineno", 0)
                found.append(Property(name, kind, sentence, line))
        return tuple(found)

    def _property(self, declared: DeclaredProperty) -> Property:
        function = declared.function
        history = self._reads_history(function)
        made = Property(
            name=function.name,
            kind=declared.kind,
            sentence=declared.sentence,
            line=function.lineno,
            history=history,
        )
        if history and not self.history:
            return made
        code = self._code(free=True)
        frame = code.body(function, {})
        if code.graph.reached and any(
            n.next is frame.leave or n.other is frame.leave for n in code.graph.nodes
        ):
            raise self.scope.fail(
                function, f"{function.name} ends without a verdict on some way", "return condition"
            )
        steps = Steps(code.graph, self._fail_line, self.text.source)
        return replace(made, body=steps.entry(), locals=_locals(code))

    def _reads_history(self, function: ast.FunctionDef, depth: int = 0) -> bool:
        for item in ast.walk(function):
            if not isinstance(item, ast.Name):
                continue
            declared = self.text.variables.get(item.id)
            if declared is not None and declared.kind is VariableKind.HISTORY:
                return True
            helper = self.text.functions.get(item.id)
            if helper is not None and depth < 40 and self._reads_history(helper, depth + 1):
                return True
        return False


_FLAGS = (
    (
        "comes_to_rest",
        PropertyKind.COMES_TO_REST,
        False,
        "every weakly fair run ends at rest",
    ),
    (
        "no_deadlock",
        PropertyKind.NO_DEADLOCK,
        True,
        "at rest every process is at its end or waits for work",
    ),
)


def _locals(code: Statements) -> tuple[LocalVariable, ...]:
    return tuple(
        LocalVariable(
            local.name, local.type.most, local.type.word.layout if local.type.word else None
        )
        for local in code.graph.locals
    )
