# uMeter - which names of built-in modules a source file uses, and which of them the chip lacks
# MIT license; Copyright (c) 2026 The uMeter authors

# Follows imports, aliases, module.name, module.Class.member and, where every assignment to a
# variable or attribute calls the same class, the members used of that object. It does not
# follow values through calls: what it reports is wrong for sure, what it passes may still be.

import ast

# Resolved by the compiler, so dir() on the chip does not list them.
_SYNTAX = {"micropython": {"asm_thumb", "asm_xtensa", "native", "viper"}}
_OWN = {"config", "firmware", "microdot"}  # what the build puts on the device


class Uses(ast.NodeVisitor):
    """errors: [(line, text)] for one parsed file, against the modules table."""

    def __init__(self, tree, modules):
        self.errors = []
        self._modules = modules
        self._names = {}  # local name: ("module", "Class", ...) as the table spells it
        self._objects = {}  # "name" or "self.name": path of its class, None: not always the same
        self._optional = 0  # depth of try blocks that catch ImportError
        self._collect(tree)
        self.visit(tree)

    def _error(self, node, text):
        self.errors.append((node.lineno, text))

    def _collect(self, tree):
        """Before any use, since methods use what __init__ further down sets."""
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    self._bind(alias.asname or alias.name.split(".")[0], alias)
            elif isinstance(node, ast.ImportFrom) and not node.level:
                if node.module in self._modules:
                    for alias in node.names:
                        self._names[alias.asname or alias.name] = (node.module, alias.name)
        for node in ast.walk(tree):
            if isinstance(node, (ast.Assign, ast.AnnAssign)):
                for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                    self._assign(target, node.value)

    def _bind(self, local, alias):
        whole = alias.name if alias.asname else alias.name.split(".")[0]
        if whole in self._modules or "." in alias.name:
            self._names[local] = (whole,)

    def _assign(self, target, value):
        key = _key(target)
        if key is None or (isinstance(value, ast.Constant) and value.value is None):
            return
        path = self._resolve(value.func) if isinstance(value, ast.Call) else None
        known = path if path and isinstance(self._find(path), list) else None
        if key in self._objects and self._objects[key] != known:
            known = None
        self._objects[key] = known

    def _resolve(self, node):
        """Path in the table of a name or attribute; None: not a built-in module's."""
        if isinstance(node, ast.Name):
            return self._names.get(node.id)
        if isinstance(node, ast.Attribute):
            base = self._resolve(node.value)
            if base and len(base) == 1 and base[0] + "." + node.attr in self._modules:
                return (base[0] + "." + node.attr,)
            return base and base + (node.attr,)
        return None

    def _find(self, path):
        """Entry of the table at path, or None."""
        entry = self._modules.get(path[0])
        for name in path[1:]:
            entry = entry.get(name) if isinstance(entry, dict) else None
        return entry

    def visit_Try(self, node):
        optional = any(
            handler.type is not None and "ImportError" in ast.dump(handler.type)
            for handler in node.handlers
        )
        self._optional += optional
        for child in node.body:
            self.visit(child)
        self._optional -= optional
        for child in node.handlers + node.orelse + node.finalbody:
            self.visit(child)

    def _import(self, node, name):
        if name.split(".")[0] not in _OWN and not self._modules.get(name) and not self._optional:
            self._error(node, f"no module {name}")

    def visit_Import(self, node):
        for alias in node.names:
            self._import(node, alias.name)

    def visit_ImportFrom(self, node):
        if node.level or node.module.split(".")[0] in _OWN:
            return
        self._import(node, node.module)
        for alias in node.names:
            self._member(node, (node.module,), alias.name)

    def visit_Attribute(self, node):
        self.generic_visit(node)
        base = self._resolve(node.value) or self._objects.get(_key(node.value))
        if base:
            self._member(node, base, node.attr)

    def _member(self, node, base, name):
        entry = self._find(base)
        # An empty list is a class whose members dir() does not show on the chip.
        if not entry or not isinstance(entry, (dict, list)):
            return
        submodule = ".".join(base) + "." + name in self._modules
        if name not in entry and name not in _SYNTAX.get(base[0], ()) and not submodule:
            self._error(node, f"no {name} in {'.'.join(base)}")


def _key(target):
    if isinstance(target, ast.Name):
        return target.id
    if isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name):
        return target.value.id + "." + target.attr
    return None


def lacking(source, modules):
    """[(line, text)]: what source uses that the table of modules does not have."""
    return Uses(ast.parse(source), modules).errors
