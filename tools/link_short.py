# uMeter - shortens names that nobody reads in linked modules: the chip keeps each until its reset
# MIT license; Copyright (c) 2026 The uMeter authors

# MicroPython keeps the text of every name that it has met and 7 bytes more, in pools of 20, 40 ...
# 640, 1280 places (py/qstr.c); an overlay that is freed leaves its names. So parameters are called
# by their place, attributes that only `self` asks for by their number in the class, and tables of
# a module by theirs. Functions, methods and classes keep their names: tracebacks are made of them.
# A name that anything else could mean, a keyword, a text, an attribute of others, stays as it is.
#
# Code names a name by its place in the module's table, in one byte for the first 128 of them and
# in two for the rest: those that a large module says most come first.

import ast
import builtins
import string
from collections import Counter

from tools.link_names import FUNCTIONS, SCOPES, Rename, bound

_ONE_BYTE = 126  # places, without the names of the file and of the module itself
_MOST_PARAMETERS = 16  # of a function and those around it


def is_constant(node):
    """Whether it is `_NAME = const(...)`, of which MicroPython keeps nothing."""
    return (isinstance(node, ast.Assign) and isinstance(node.value, ast.Call)
            and getattr(node.value.func, "id", "") == "const")  # fmt: skip


def _is_derived(node):
    """Whether a class shares its attributes with one of ours."""
    return any(not hasattr(builtins, getattr(base, "id", "")) for base in node.bases)


class Short:
    """What the names of a program, trees of modules, may be called instead."""

    def __init__(self, trees):
        self.names = {}  # class or linked module -> {short name: the one in the sources}
        self._kept = set()
        said = set()
        for tree in trees:
            for node in ast.walk(tree):
                if isinstance(node, ast.Name):
                    said.add(node.id)
                elif isinstance(node, ast.arg):
                    said.add(node.arg)
                else:
                    self._kept.update(self._meant(node))
        self._pool = [name for name in _names() if name not in said | self._kept]
        self._tables = self._pool[_MOST_PARAMETERS:]

    def _meant(self, node):
        """Names that are said here and may mean anything."""
        if isinstance(node, ast.Attribute):
            own = isinstance(node.value, ast.Name) and node.value.id == "self"
            return [] if own else [node.attr]
        if isinstance(node, ast.keyword):
            return [node.arg]
        if isinstance(node, ast.Constant):
            return node.value.split() if isinstance(node.value, str) else []
        if isinstance(node, ast.ClassDef):
            inner = ast.walk(node) if _is_derived(node) else ()
            return [node.name, *bound(node),
                    *(each.attr for each in inner if isinstance(each, ast.Attribute))]
        if isinstance(node, FUNCTIONS):
            return [node.name]
        if isinstance(node, ast.alias):
            return [node.name, node.asname]
        return []

    def inside(self, name, tree):
        """Shortens parameters and attributes of a module, in place."""
        for node in tree.body:
            if isinstance(node, ast.ClassDef):
                self._attributes("%s.%s" % (name, node.name), node)
        self._parameters(tree, 0)

    def _attributes(self, name, node):
        if _is_derived(node):
            return  # its base may call so something else
        found = [inner for inner in ast.walk(node) if isinstance(inner, ast.Attribute)
                 and self._is_ours(inner.attr)]  # fmt: skip
        short = self._numbered(name, Counter(inner.attr for inner in found), self._pool)
        for inner in found:
            inner.attr = short[inner.attr]

    def _is_ours(self, name):
        return name.startswith("_") and not name.startswith("__") and name not in self._kept

    def _numbered(self, where, count, pool):
        """{name: short one}; those that are said most are the same everywhere."""
        short = dict(zip([name for name, _ in count.most_common()], pool))
        if short:
            self.names[where] = {new: old for old, new in short.items()}
        return short

    def _parameters(self, node, count):
        """count: parameters of the functions around it."""
        for inner in ast.iter_child_nodes(node):
            ours = []
            if isinstance(inner, (*FUNCTIONS, ast.Lambda)):
                ours = [each for each in ast.walk(inner.args) if isinstance(each, ast.arg)
                        and each.arg != "self" and each.arg not in self._kept]  # fmt: skip
                ours = ours[: _MOST_PARAMETERS - count]
            self._parameters(inner, count + len(ours))
            if ours:
                short = dict(zip([each.arg for each in ours], self._pool[count:]))
                rename = Rename(short, {})
                for part in inner.body if isinstance(inner.body, list) else [inner.body]:
                    rename.visit(part)
                for each in ours:
                    each.arg = short[each.arg]

    def tables(self, name, tree):
        """Shortens a linked module's private globals that are no functions, in place."""
        count = Counter()
        for node in tree.body:
            if isinstance(node, ast.Assign) and not is_constant(node):
                count.update(target.id for target in node.targets
                             if isinstance(target, ast.Name) and self._is_ours(target.id))
        if count:
            Rename(self._numbered(name, count, self._tables), {}).visit(tree)


def _names():
    letters = string.ascii_lowercase
    return ["_" + a for a in letters] + ["_" + a + b for a in letters for b in letters]


def prime(tree):
    """Puts the names that a large module says most to the front of its table, in place."""
    constants = {node.targets[0].id for node in tree.body if is_constant(node)}
    count = Counter()
    _count(tree, constants, count)
    if len(count) > 2 * _ONE_BYTE:
        often = [name for name, _ in count.most_common(_ONE_BYTE)]
        tree.body[:0] = ast.parse("if not __name__: __name__." + ".".join(often)).body


def _count(node, local, count):
    """How often the code names each name; local variables have none on the chip."""
    if isinstance(node, (*FUNCTIONS, ast.ClassDef)):
        count[node.name] += 2
    if isinstance(node, SCOPES):
        local = local | bound(node)
    if isinstance(node, ast.Name) and node.id not in local:
        count[node.id] += 1
    elif isinstance(node, ast.Attribute):
        count[node.attr] += 1
    elif isinstance(node, (ast.arg, ast.keyword)) and node.arg:
        count[node.arg] += 1
    for inner in ast.iter_child_nodes(node):
        _count(inner, local, count)
