"""Every instruction of the Pythons that are supported, by what it does with names.

Knows no code. A new Python's instruction has to be put into one of these lists before code without source counts there.
"""

from __future__ import annotations

from cuebook.errors import CuebookError

__all__ = ["ATTRIBUTES", "CELLS", "FAST", "GLOBALS", "KNOWN", "NOT_BETWEEN", "STORED", "UNSURE", "UnknownInstruction"]

ATTRIBUTES = frozenset({"LOAD_ATTR", "LOAD_METHOD"})
"""They read an attribute of what was loaded just before."""

STORED = frozenset({"STORE_ATTR", "DELETE_ATTR"})
"""They set an attribute of what was loaded just before."""

GLOBALS = frozenset({"LOAD_GLOBAL"})
UNSURE = frozenset({"LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS"})
"""A variable of a class's body, or a global."""

CELLS = frozenset({"LOAD_DEREF", "LOAD_CLASSDEREF", "LOAD_FROM_DICT_OR_DEREF"})
"""A variable of a function around."""

FAST = frozenset({
    "LOAD_FAST", "LOAD_FAST_AND_CLEAR", "LOAD_FAST_CHECK", "LOAD_FAST_LOAD_FAST", "STORE_FAST_LOAD_FAST",
})  # fmt: skip
"""Variables of its own."""

NOT_BETWEEN = frozenset({"CACHE", "NOP", "EXTENDED_ARG", "PUSH_NULL", "PRECALL"})
"""What may stand between a variable and its attribute."""

_NAMELESS = frozenset({
    "ASYNC_GEN_WRAP", "BEFORE_ASYNC_WITH", "BEFORE_WITH", "BINARY_OP", "BINARY_SLICE", "BINARY_SUBSCR",
    "BUILD_CONST_KEY_MAP", "BUILD_LIST", "BUILD_MAP", "BUILD_SET", "BUILD_SLICE", "BUILD_STRING", "BUILD_TUPLE", "CALL",
    "CALL_FUNCTION_EX", "CALL_INTRINSIC_1", "CALL_INTRINSIC_2", "CALL_KW", "CHECK_EG_MATCH", "CHECK_EXC_MATCH",
    "CLEANUP_THROW", "COMPARE_OP", "CONTAINS_OP", "CONVERT_VALUE", "COPY", "COPY_FREE_VARS", "DELETE_DEREF",
    "DELETE_FAST", "DELETE_GLOBAL", "DELETE_NAME", "DELETE_SUBSCR", "DICT_MERGE", "DICT_UPDATE", "END_ASYNC_FOR",
    "END_FOR", "END_SEND", "ENTER_EXECUTOR", "EXIT_INIT_CHECK", "FORMAT_SIMPLE", "FORMAT_VALUE", "FORMAT_WITH_SPEC",
    "FOR_ITER", "GET_AITER", "GET_ANEXT", "GET_AWAITABLE", "GET_ITER", "GET_LEN", "GET_YIELD_FROM_ITER", "IMPORT_FROM",
    "IMPORT_NAME", "IMPORT_STAR",
    "INTERPRETER_EXIT", "IS_OP", "JUMP", "JUMP_BACKWARD", "JUMP_BACKWARD_NO_INTERRUPT", "JUMP_FORWARD",
    "JUMP_IF_FALSE_OR_POP", "JUMP_IF_TRUE_OR_POP", "JUMP_NO_INTERRUPT", "KW_NAMES", "LIST_APPEND", "LIST_EXTEND",
    "LIST_TO_TUPLE", "LOAD_ASSERTION_ERROR", "LOAD_BUILD_CLASS", "LOAD_CLOSURE", "LOAD_CONST", "LOAD_LOCALS",
    "LOAD_SUPER_ATTR", "LOAD_SUPER_METHOD", "LOAD_ZERO_SUPER_ATTR", "LOAD_ZERO_SUPER_METHOD", "MAKE_CELL",
    "MAKE_FUNCTION", "MAP_ADD", "MATCH_CLASS", "MATCH_KEYS", "MATCH_MAPPING", "MATCH_SEQUENCE", "POP_BLOCK",
    "POP_EXCEPT", "POP_JUMP_BACKWARD_IF_FALSE", "POP_JUMP_BACKWARD_IF_NONE", "POP_JUMP_BACKWARD_IF_NOT_NONE",
    "POP_JUMP_BACKWARD_IF_TRUE", "POP_JUMP_FORWARD_IF_FALSE", "POP_JUMP_FORWARD_IF_NONE",
    "POP_JUMP_FORWARD_IF_NOT_NONE", "POP_JUMP_FORWARD_IF_TRUE", "POP_JUMP_IF_FALSE", "POP_JUMP_IF_NONE",
    "POP_JUMP_IF_NOT_NONE", "POP_JUMP_IF_TRUE", "POP_TOP", "PREP_RERAISE_STAR", "PRINT_EXPR", "PUSH_EXC_INFO",
    "RAISE_VARARGS", "RERAISE", "RESERVED", "RESUME", "RETURN_CONST", "RETURN_GENERATOR", "RETURN_VALUE", "SEND",
    "SETUP_ANNOTATIONS", "SETUP_CLEANUP", "SETUP_FINALLY", "SETUP_WITH", "SET_ADD", "SET_FUNCTION_ATTRIBUTE",
    "SET_UPDATE", "STORE_DEREF", "STORE_FAST", "STORE_FAST_MAYBE_NULL", "STORE_FAST_STORE_FAST", "STORE_GLOBAL",
    "STORE_NAME", "STORE_SLICE", "STORE_SUBSCR", "SWAP", "TO_BOOL", "UNARY_INVERT", "UNARY_NEGATIVE", "UNARY_NOT",
    "UNARY_POSITIVE", "UNPACK_EX", "UNPACK_SEQUENCE", "WITH_EXCEPT_START", "YIELD_VALUE",
})  # fmt: skip
"""They load no variable and no attribute from outside. For those about `super`, class and object are loaded before."""

KNOWN = ATTRIBUTES | STORED | GLOBALS | UNSURE | CELLS | FAST | NOT_BETWEEN | _NAMELESS


class UnknownInstruction(CuebookError):
    """Code without source uses an instruction that is in none of the lists, so nobody can tell what it refers to."""
