# uMeter - names in Python's syntax trees: which scope has which, and how to call them anew
# MIT license; Copyright (c) 2026 The uMeter authors

import ast

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
SCOPES = (*FUNCTIONS, ast.Lambda, *COMPREHENSIONS)


class LinkError(Exception):
    """What cannot be linked, and why."""


class _Bindings(ast.NodeVisitor):
    """The names that one scope binds; those of the scopes inside are theirs."""

    def __init__(self, imports):
        self.names, self.elsewhere = set(), set()
        self._imports = imports

    def visit_FunctionDef(self, node):
        self.names.add(node.name)
        for part in (*node.decorator_list, *node.args.defaults, *node.args.kw_defaults):
            if part:
                self.visit(part)

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_ClassDef(self, node):
        self.names.add(node.name)
        for part in (*node.decorator_list, *node.bases):
            self.visit(part)

    def _inside(self, node):
        """Another scope."""

    visit_Lambda = visit_ListComp = visit_SetComp = visit_DictComp = visit_GeneratorExp = _inside

    def visit_Name(self, node):
        if not isinstance(node.ctx, ast.Load):
            self.names.add(node.id)

    def visit_Import(self, node):
        if self._imports:
            self.names |= {alias.asname or alias.name.split(".")[0] for alias in node.names}

    visit_ImportFrom = visit_Import

    def visit_ExceptHandler(self, node):
        if node.name:
            self.names.add(node.name)
        self.generic_visit(node)

    def visit_Global(self, node):
        self.elsewhere |= set(node.names)

    visit_Nonlocal = visit_Global


def bound(scope, imports=True):
    """Names that are the scope's own; imports: those as well that it imports."""
    found = _Bindings(imports)
    if isinstance(scope, COMPREHENSIONS):
        for generator in scope.generators:
            found.visit(generator.target)
    elif isinstance(scope, ast.Lambda):
        found.names |= {arg.arg for arg in ast.walk(scope.args) if isinstance(arg, ast.arg)}
    else:
        if isinstance(scope, FUNCTIONS):
            found.names |= {arg.arg for arg in ast.walk(scope.args) if isinstance(arg, ast.arg)}
        for statement in scope.body:
            found.visit(statement)
    return found.names - found.elsewhere


class Rename(ast.NodeTransformer):
    """names: {global: its name in the linked module}; modules: {alias: {attribute: name}}."""

    def __init__(self, names, modules):
        self._names, self._modules = names, modules
        self._scopes = []  # (names of its own, whether it is a class), from the outside

    def _in_class(self):
        return bool(self._scopes) and self._scopes[-1][1]

    def _is_hidden(self, name):
        """Functions do not see the names of the classes around them."""
        *outer, inner = self._scopes or [((), False)]
        return name in inner[0] or any(name in own for own, is_class in outer if not is_class)

    def _new(self, name):
        return name if self._is_hidden(name) else self._names.get(name, name)

    def visit_Name(self, node):
        name = node.id
        if name in self._modules and not self._is_hidden(name):
            raise LinkError("the module %s is used as a value" % name)
        node.id = self._new(name)
        if self._in_class() and node.id == name != self._names.get(name, name):
            if isinstance(node.ctx, ast.Load):
                raise LinkError("%s in a class may mean the module's" % name)
        return node

    def visit_Attribute(self, node):
        value = node.value
        if isinstance(value, ast.Name) and value.id in self._modules:
            if not self._is_hidden(value.id):
                return ast.copy_location(ast.Name(self._modules[value.id][node.attr], node.ctx),
                                         node)  # fmt: skip
        return self.generic_visit(node)

    def visit_Global(self, node):
        node.names = [self._names.get(name, name) for name in node.names]
        return node

    def visit_Nonlocal(self, node):
        node.names = [self._new(name) for name in node.names]
        return node

    def visit_ExceptHandler(self, node):
        node.name = node.name and self._new(node.name)
        return self.generic_visit(node)

    def _visit_all(self, nodes):
        return [node and self.visit(node) for node in nodes]

    def visit_FunctionDef(self, node):
        if not self._in_class():  # methods have the names of their class
            node.name = self._new(node.name)
        node.decorator_list = self._visit_all(node.decorator_list)
        node.args.defaults = self._visit_all(node.args.defaults)
        node.args.kw_defaults = self._visit_all(node.args.kw_defaults)
        self._scopes.append((bound(node), False))
        node.body = self._visit_all(node.body)
        self._scopes.pop()
        return node

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_ClassDef(self, node):
        if not self._in_class():
            node.name = self._new(node.name)
        node.bases = self._visit_all(node.bases)
        self._scopes.append((bound(node), True))
        node.body = self._visit_all(node.body)
        self._scopes.pop()
        return node

    def visit_Lambda(self, node):
        node.args.defaults = self._visit_all(node.args.defaults)
        node.args.kw_defaults = self._visit_all(node.args.kw_defaults)
        self._scopes.append((bound(node), False))
        node.body = self.visit(node.body)
        self._scopes.pop()
        return node

    def _visit_comprehension(self, node):
        first = node.generators[0]
        outside, first.iter = self.visit(first.iter), ast.Constant(None)
        self._scopes.append((bound(node), False))
        self.generic_visit(node)
        self._scopes.pop()
        first.iter = outside
        return node

    visit_ListComp = visit_SetComp = visit_DictComp = visit_GeneratorExp = _visit_comprehension
