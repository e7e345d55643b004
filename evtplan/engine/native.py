"""Raw memory for compiled searches: loads, stores, prefetch and compare-and-swap on addresses.

Addresses are int64. Nothing is checked: generated code alone calls these, on memory that
`evtplan.engine.search.pages` has mapped.
"""

from typing import Any

from llvmlite import ir
from llvmlite.binding import parse_assembly
from numba import types
from numba.extending import intrinsic

__all__ = [
    "add_fetch",
    "address_call",
    "assembly_function",
    "candidates",
    "cycles",
    "fold",
    "load32",
    "load64",
    "lowest_bit",
    "prefetch",
    "store32",
    "store64",
    "swap32",
]

# The attribute of a code library that lists what was linked into it.
_LINKED = "evtplan_linked"
_LANES = 16
_I32 = ir.IntType(32)
_I64 = ir.IntType(64)


def _pointer(builder: Any, address: Any, to: Any) -> Any:
    return builder.inttoptr(address, to.as_pointer())


@intrinsic
def load64(typing: Any, address: Any) -> Any:
    """The 8 bytes at `address`, which need not be aligned."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.load(_pointer(builder, args[0], _I64), align=1)

    return types.int64(types.int64), code


@intrinsic
def store64(typing: Any, address: Any, value: Any) -> Any:
    """8 bytes to `address`, which need not be aligned."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        builder.store(args[1], _pointer(builder, args[0], _I64), align=1)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), code


@intrinsic
def load32(typing: Any, address: Any) -> Any:
    """The unsigned 4 bytes at `address`."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.zext(builder.load(_pointer(builder, args[0], _I32), align=4), _I64)

    return types.int64(types.int64), code


@intrinsic
def store32(typing: Any, address: Any, value: Any) -> Any:
    """The low 4 bytes of `value` to `address`."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        builder.store(builder.trunc(args[1], _I32), _pointer(builder, args[0], _I32), align=4)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), code


@intrinsic
def swap32(typing: Any, address: Any, expected: Any, new: Any) -> Any:
    """Put `new` where `expected` stands; what stood there. Release on success, acquire always."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer = _pointer(builder, args[0], _I32)
        both = builder.cmpxchg(
            pointer,
            builder.trunc(args[1], _I32),
            builder.trunc(args[2], _I32),
            "acq_rel",
            "acquire",
        )
        return builder.zext(builder.extract_value(both, 0), _I64)

    return types.int64(types.int64, types.int64, types.int64), code


@intrinsic
def add_fetch(typing: Any, address: Any, amount: Any) -> Any:
    """Add `amount` to the 8 bytes at `address`; what stood there before."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.atomic_rmw("add", _pointer(builder, args[0], _I64), args[1], "acq_rel")

    return types.int64(types.int64, types.int64), code


@intrinsic
def candidates(typing: Any, line: Any, tag: Any, mask: Any) -> Any:
    """A bit for each of the 16 slots of 4 bytes from `line` on: it is 0, or `tag` in `mask`."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        lanes = ir.VectorType(_I32, _LANES)
        zeros = ir.Constant(lanes, [0] * _LANES)

        def splat(value: Any) -> Any:
            one = builder.insert_element(zeros, builder.trunc(value, _I32), _I32(0))
            return builder.shuffle_vector(one, zeros, zeros)

        held = builder.load(_pointer(builder, args[0], lanes), align=4 * _LANES)
        same = builder.icmp_unsigned("==", builder.and_(held, splat(args[2])), splat(args[1]))
        empty = builder.icmp_unsigned("==", held, zeros)
        bits = builder.bitcast(builder.or_(same, empty), ir.IntType(_LANES))
        return builder.zext(bits, _I64)

    return types.int64(types.int64, types.int64, types.int64), code


@intrinsic
def prefetch(typing: Any, address: Any) -> Any:
    """Ask for the cache line at `address`."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer = ir.IntType(8).as_pointer()
        kind = ir.FunctionType(ir.VoidType(), [pointer, _I32, _I32, _I32])
        function = builder.module.declare_intrinsic("llvm.prefetch", [pointer], kind)
        numbers = [ir.Constant(_I32, number) for number in (0, 3, 1)]
        builder.call(function, [_pointer(builder, args[0], ir.IntType(8)), *numbers])
        return context.get_dummy_value()

    return types.void(types.int64), code


@intrinsic
def fold(typing: Any, left: Any, right: Any) -> Any:
    """The two halves of the 128-bit product of unsigned words, one XORed with the other."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        wide = ir.IntType(128)
        product = builder.mul(builder.zext(args[0], wide), builder.zext(args[1], wide))
        high = builder.trunc(builder.lshr(product, ir.Constant(wide, 64)), _I64)
        return builder.xor(builder.trunc(product, _I64), high)

    return types.int64(types.int64, types.int64), code


@intrinsic
def lowest_bit(typing: Any, word: Any) -> Any:
    """The number of the lowest 1 bit; 64 where there is none."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.cttz(args[0], ir.Constant(ir.IntType(1), 0))

    return types.int64(types.int64), code


def assembly_function(assembly: str, name: str, arity: int) -> Any:
    """Code for an intrinsic that calls `name`, a function of int64s in LLVM `assembly`.

    The assembly is linked into whichever library uses it, and optimised with it.
    """

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        library = context.active_code_library
        linked = getattr(library, _LINKED, None)
        if linked is None:
            linked = set()
            setattr(library, _LINKED, linked)
        if assembly not in linked:
            linked.add(assembly)
            library.add_llvm_module(parse_assembly(assembly))
        kind = ir.FunctionType(_I64, [_I64] * arity)
        function = builder.module.globals.get(name)
        if function is None:
            function = ir.Function(builder.module, kind, name)
        return builder.call(function, args)

    return types.int64(*[types.int64] * arity), code


def address_call(arity: int) -> Any:
    """Code for an intrinsic that calls the function of `arity` int64s at an address."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = ir.FunctionType(_I64, [_I64] * arity)
        return builder.call(_pointer(builder, args[0], kind), args[1:])

    return types.int64(*[types.int64] * (arity + 1)), code


@intrinsic
def cycles(typing: Any) -> Any:
    """The processor's clock, in ticks of its own."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = ir.FunctionType(_I64, [])
        function = builder.module.declare_intrinsic("llvm.readcyclecounter", [], kind)
        return builder.call(function, [])

    return types.int64(), code
