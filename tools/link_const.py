# uMeter - puts public constants in the place of their names, in all modules of a tree
# MIT license; Copyright (c) 2026 The uMeter authors

# MicroPython does so with constants that begin with an underscore, inside of one module. A public
# one costs the chip a name, a place among the globals of each module that imports it, and the
# search for it. What the linker cannot be sure of stays as it is.

import ast
import operator

from tools.link_names import FUNCTIONS

_OPERATORS = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul,
              ast.BitOr: operator.or_, ast.LShift: operator.lshift}  # fmt: skip


def _integer(node, known):
    """Value of an expression of integers; None: it is none."""
    if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "const":
        return _integer(node.args[0], known)
    if isinstance(node, ast.Constant) and type(node.value) is int:
        return node.value
    if isinstance(node, ast.Name):
        return known.get(node.id)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        value = _integer(node.operand, known)
        return None if value is None else -value
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        values = _integer(node.left, known), _integer(node.right, known)
        return None if None in values else _OPERATORS[type(node.op)](*values)
    return None


class _Names(ast.NodeVisitor):
    """What each name of a module is bound to, wherever that happens; how it is used."""

    def __init__(self, tree):
        self.bound = {}  # name -> [(module, name there) or None]
        self.values = set()  # names that are used as such, not for an attribute
        self.attributes = set()  # (name, attribute)
        self.visit(tree)

    def _bind(self, name, origin=None):
        self.bound.setdefault(name, []).append(origin)

    def visit_ImportFrom(self, node):
        for alias in node.names:
            self._bind(alias.asname or alias.name, (node.module, alias.name))

    def visit_Import(self, node):
        for alias in node.names:
            self._bind((alias.asname or alias.name).split(".")[0])

    def visit_Name(self, node):
        if isinstance(node.ctx, ast.Load):
            self.values.add(node.id)
        else:
            self._bind(node.id)

    def visit_Attribute(self, node):
        if isinstance(node.value, ast.Name):
            self.attributes.add((node.value.id, node.attr))
        else:
            self.visit(node.value)

    def visit_Global(self, node):
        for name in node.names:
            self._bind(name)

    visit_Nonlocal = visit_Global

    def visit_arg(self, node):
        self._bind(node.arg)
        if node.annotation:
            self.visit(node.annotation)

    def generic_visit(self, node):
        if isinstance(node, (*FUNCTIONS, ast.ClassDef, ast.ExceptHandler)) and node.name:
            self._bind(node.name)
        super().generic_visit(node)


class _Constants:
    """Which names mean a constant. trees: {module: tree}."""

    def __init__(self, trees):
        self._trees = trees
        self._names = {module: _Names(tree) for module, tree in trees.items()}
        self._values = {}  # (module, name) -> integer
        for module, tree in trees.items():
            self._define(module, tree)
        for module in trees:
            self._doubt(module)

    def _define(self, module, tree):
        known = {}
        for node in tree.body:
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                name, value = node.targets[0].id, _integer(node.value, known)
                if value is not None and self._names[module].bound[name] == [None]:
                    known[name] = value
                    if name.isupper() and not name.startswith("_"):
                        self._values[module, name] = value

    def _doubt(self, module):
        """Takes out what a name of this module may mean, beside something else."""
        names = self._names[module]
        for name, origins in names.bound.items():
            if len({*origins}) > 1:
                for origin in filter(None, origins):
                    self._values.pop(self._root(origin), None)
                    self._forget(origin)
            elif origins[0] and name in names.values:
                self._forget(origins[0])
        for name, attribute in names.attributes:
            for origin in filter(None, names.bound.get(name, ())):
                self._forget(self._root(("%s.%s" % origin, attribute)))

    def _forget(self, origin):
        """A module that is more than a place to look for names."""
        whole = "%s.%s" % origin
        for name in self._names[whole].bound if whole in self._names else ():
            self._values.pop(self._root((whole, name)), None)

    def _root(self, origin):
        """Where a name comes from that may have been imported there, too."""
        module, name = origin
        origins = self._names[module].bound.get(name) if module in self._names else None
        return self._root(origins[0]) if origins and origins[0] else origin

    def concern(self, module):
        """Whether it may say any of them."""
        origins = {origin for found in self._names[module].bound.values() for origin in found}
        homes = {home for home, _ in self._values}
        return module in homes or not homes.isdisjoint(
            {*(origin[0] for origin in origins if origin),
             *("%s.%s" % origin for origin in origins if origin)})

    def of_name(self, module, name):
        """The integer that a name of a module stands for; None: something else."""
        return self._values.get(self._root((module, name)))

    def of_attribute(self, module, name, attribute):
        origins = self._names[module].bound.get(name) or [None]
        return self.of_name("%s.%s" % origins[0], attribute) if origins[0] else None


class _Inline(ast.NodeTransformer):
    def __init__(self, module, constants):
        self._module, self._constants = module, constants

    def visit_Name(self, node):
        value = self._constants.of_name(self._module, node.id)
        return node if value is None else _literal(value)

    def visit_Attribute(self, node):
        if isinstance(node.value, ast.Name):
            name = node.value.id
            value = self._constants.of_attribute(self._module, name, node.attr)
            return node if value is None else _literal(value)
        return self.generic_visit(node)

    def visit_Assign(self, node):
        target = node.targets[0]
        if isinstance(target, ast.Name):
            if self._constants.of_name(self._module, target.id) is not None:
                return None
        return self.generic_visit(node)

    def visit_ImportFrom(self, node):
        node.names = [alias for alias in node.names if self._constants.of_name(
            self._module, alias.asname or alias.name) is None]  # fmt: skip
        return node if node.names else None

    def generic_visit(self, node):
        super().generic_visit(node)
        if getattr(node, "body", None) == [] and not isinstance(node, ast.Module):
            node.body = [ast.Pass()]  # an import was all
        return node


def _literal(value):
    return ast.parse(repr(value), mode="eval").body


def _used(tree):
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}


class _Tidy(ast.NodeTransformer):
    """Takes out imports of modules that nothing is asked of any more."""

    def __init__(self, unused, trees):
        self._unused, self._trees = unused, trees

    def visit_ImportFrom(self, node):
        node.names = [alias for alias in node.names if not self._is_unused(node, alias)]
        return node if node.names else None

    def _is_unused(self, node, alias):
        whole = "%s.%s" % (node.module, alias.name)
        return (alias.asname or alias.name) in self._unused and whole in self._trees


def inline(trees):
    """Changes these trees, {module: tree}; takes out those that nothing is left of."""
    constants = _Constants(trees)
    full = [module for module, tree in trees.items() if tree.body]
    for module, tree in trees.items():
        if not constants.concern(module):
            continue
        before = _used(tree)
        _Inline(module, constants).visit(tree)
        _Tidy(before - _used(tree), trees).visit(tree)
    for module in full:
        if not trees[module].body:
            del trees[module]
