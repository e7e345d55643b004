"""The words of the protocol language, and what a person calls a piece of syntax."""

import ast

__all__ = ["LOCKED_WORDS", "RESERVED", "STATEMENT_WORDS", "TYPE_WORDS", "VALUE_WORDS", "describe"]

TYPE_WORDS = ("bit", "lock", "upto", "span", "bits")
STATEMENT_WORDS = (
    "fence", "store_fence", "load_fence", "mb", "wmb", "rmb", "emit", "mark", "acquire",
    "release", "step",
)  # fmt: skip
LOCKED_WORDS = (
    "test_and_set", "test_and_clear", "set_bit", "clear_bit", "exchange", "cmpxchg",
    "fetch_add", "fetch_or", "fetch_and", "fetch_xor",
)  # fmt: skip
VALUE_WORDS = (
    "choose", "peek", "replace", "lowest", "min", "max", "all", "any", "sum", "range", "reversed",
)  # fmt: skip
RESERVED = frozenset(
    (
        *TYPE_WORDS,
        *STATEMENT_WORDS,
        *LOCKED_WORDS,
        *VALUE_WORDS,
        "dict",
        "process",
        "always",
        "at_rest",
        "sometimes",
        "parameters",
    )
)


def describe(node: ast.AST) -> str:
    """What a person calls this piece of syntax."""
    return _NAMES.get(type(node).__name__, f"this ({type(node).__name__})")


_NAMES = {
    "Lambda": "lambda",
    "ListComp": "a list comprehension",
    "SetComp": "a set comprehension",
    "DictComp": "a dict comprehension",
    "GeneratorExp": "a generator",
    "JoinedStr": "an f-string",
    "FunctionDef": "def inside a function",
    "AsyncFunctionDef": "async def",
    "ClassDef": "class",
    "Import": "import",
    "ImportFrom": "import",
    "Try": "try",
    "Raise": "raise",
    "Global": "global",
    "Nonlocal": "nonlocal",
    "Delete": "del",
    "List": "a list",
    "Tuple": "a tuple",
    "Dict": "a dict",
    "Set": "a set",
    "Attribute": "an attribute",
    "Yield": "yield",
    "YieldFrom": "yield",
    "NamedExpr": "a := assignment",
    "Starred": "a starred expression",
    "Slice": "a slice",
    "Match": "match",
    "Expr": "an expression",
    "Assign": "this assignment",
    "AugAssign": "an augmented assignment",
    "AnnAssign": "an annotated assignment",
    "For": "for",
    "While": "while",
    "If": "if",
    "With": "with",
    "Assert": "assert",
    "Pow": "**",
    "Div": "/ (say // for whole numbers)",
    "MatMult": "@",
    "Is": "is",
    "IsNot": "is not",
    "In": "in",
    "NotIn": "not in",
    "Await": "await",
    "Constant": "this constant",
}
