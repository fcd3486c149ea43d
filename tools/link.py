# uMeter - links modules that live together into one: on the chip each costs heap of its own
# MIT license; Copyright (c) 2026 The uMeter authors

# A module keeps its name three times (as a file, with its package, alone), and tables of globals
# and of constants; of 50 that is 6 kB of the chip's heap, and 50 files to find at the start. So
# the sources stay small, and the device gets few modules. What is imported when it is needed,
# and given back (overlay.free), stays by itself, with what nobody else asks for.
#
# A linked module is the members' statements one after the other, each after those it imports.
# Their globals stand side by side; a name that two have, or that hides one of a neighbour's, gets
# a number. `from firmware.net import topics` and then `topics.padded` becomes plain `padded`.

import ast
import builtins

from tools.link_const import inline
from tools.link_names import SCOPES, LinkError, Rename, bound
from tools.link_short import Short, prime

_BODIES = ("body", "orelse", "finalbody")


class _Module:
    def __init__(self, name, tree):
        self.name = name
        self.tree = tree
        self.early, self.late = [], []  # import statements: those of the module, of functions
        # Without what is imported: that may not be there any more.
        self.globals, self.locals = bound(self.tree, imports=False), set()
        self._attributes = {}
        self._look(self.tree, self.early)

    def _look(self, node, imports):
        for inner in ast.iter_child_nodes(node):
            if isinstance(inner, (ast.Import, ast.ImportFrom)):
                imports.append(inner)
                continue
            if isinstance(inner, ast.Attribute) and isinstance(inner.value, ast.Name):
                self._attributes.setdefault(inner.value.id, set()).add(inner.attr)
            if isinstance(inner, SCOPES):
                self.locals |= bound(inner, imports=False)
                self._look(inner, self.late)
            else:
                self._look(inner, imports)

    def attributes(self, alias):
        """What is asked of a module that is called so."""
        return self._attributes.get(alias, set())


def targets(node, modules):
    """Modules of ours that an import statement loads."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names if alias.name in modules]
    found = ["%s.%s" % (node.module, alias.name) for alias in node.names]
    return [name if name in modules else node.module for name in found
            if name in modules or node.module in modules]  # fmt: skip


def _alias(name, as_name):
    return ast.alias(name, as_name if as_name != name else None)


class Program:
    """The modules of a tree, {name: text}, and which of them are linked into which."""

    def __init__(self, texts):
        trees = {name: ast.parse(text, name) for name, text in texts.items()}
        inline(trees)
        self._short = Short(trees.values())
        for name, tree in trees.items():
            self._short.inside(name, tree)
        self.modules = {name: _Module(name, tree) for name, tree in trees.items()}
        self.names = self._short.names
        self.home = {}  # module -> the linked one that it is in
        self._names = {}  # (module, global) -> its name there
        self._taken = {}  # linked module -> names that mean something in it
        self._aliases = {}  # (linked module, another one, global of that) -> its name here

    def reach(self, roots, late=False, without=()):
        """Modules that these import, themselves too, each after those that it needs.

        late: also what they import inside of functions. without: where it ends.
        """
        found, entered = [], set(without)

        def enter(name):
            if name in entered or name not in self.modules:
                return
            entered.add(name)
            module = self.modules[name]
            for node in module.early + (module.late if late else []):
                for target in targets(node, self.modules):
                    enter(target)
            found.append(name)

        for root in roots:
            enter(root)
        return found

    def join(self, target, members):
        """Links the members, in this order, into the module target."""
        for member in members:
            if self.home.setdefault(member, target) != target:
                raise LinkError("%s is in %s and in %s" % (member, self.home[member], target))

    def linked(self):
        """{module: text} of the whole program; home tells where the others are."""
        groups = {}
        for name in self.modules:
            groups.setdefault(self.home.get(name, name), [])
        for name in [*self.home, *(name for name in self.modules if name not in self.home)]:
            groups[self.home.get(name, name)].append(name)
        for target, members in groups.items():
            self._choose_names(target, members)
        return {target: self._link(target, members) for target, members in groups.items()}

    def _choose_names(self, target, members):
        modules = [self.modules[name] for name in members]
        theirs = {}  # what comes from outside stays called so
        around = {}  # module -> names that mean something else inside of its functions
        for module in modules:
            around[module] = {*module.locals, *self._kept(module.late, members)}
            for name, sources in self._kept(module.early, members).items():
                hides = len(members) > 1 and hasattr(builtins, name)
                if theirs.setdefault(name, sources) != sources or hides:
                    raise LinkError("%s means two things in %s" % (name, target))
        used = {*theirs, *dir(builtins)}
        self._taken[target] = used.union(*around.values(), *(each.globals for each in modules))
        for module in modules:
            others = [names for other, names in around.items() if other is not module]
            for name in sorted(module.globals):
                new = name
                if len(members) > 1 and (name in used or any(name in each for each in others)):
                    new = self._fresh(target, name)
                used.add(new)
                self._names[module.name, name] = new

    def _fresh(self, target, name):
        """A name that nothing there has yet."""
        taken = self._taken[target]
        new, number = name, 1
        while new in taken:
            number += 1
            new = "%s%d" % (name, number)
        taken.add(new)
        return new

    def _called(self, target, home, name):
        """A neighbour's global that was an attribute of its module."""
        key = target, home, name
        if key not in self._aliases:
            self._aliases[key] = self._fresh(target, name)
        return self._aliases[key]

    def _kept(self, nodes, members):
        """{name: {what it is}} that import statements still bind when these modules are one."""
        found = {}
        for node in nodes:
            for alias in node.names:
                whole = alias.name
                if isinstance(node, ast.ImportFrom):
                    whole = "%s.%s" % (node.module, alias.name)
                    if whole in self.home or node.module in members:
                        continue
                name = alias.asname or alias.name.split(".")[0]
                found.setdefault(name, set()).add(whole)
        return found

    def _link(self, target, members):
        statements, seen = [], set()
        for name in members:
            names, modules = {}, {}
            tree = self.modules[name].tree
            tree.body = self._without(tree.body, name, target, names, modules)
            names.update({old: self._names[name, old] for old in self.modules[name].globals})
            rename = Rename(names, modules)
            for statement in tree.body:
                if isinstance(statement, (ast.Import, ast.ImportFrom)):
                    text = ast.unparse(statement)
                    if text in seen:
                        continue
                    seen.add(text)
                statements.append(rename.visit(statement))
        tree = ast.Module(statements, [])
        self._short.tables(target, tree)
        if len(members) > 1:
            prime(tree)
        return ast.unparse(tree) + "\n"

    def _without(self, body, name, target, names, modules):
        """The statements with their imports set right; fills what is to be renamed."""
        kept = []
        for statement in body:
            if isinstance(statement, ast.Import) and {*targets(statement, self.home)}:
                raise LinkError("%s: import %s, from it" % (name, statement.names[0].name))
            if isinstance(statement, ast.ImportFrom):
                kept += self._imports(statement, name, target, names, modules)
                continue
            for part in (*_BODIES, "handlers"):
                inner = getattr(statement, part, None)
                if isinstance(inner, list):
                    inner = self._without(inner, name, target, names, modules)
                    setattr(statement, part, inner or ([ast.Pass()] if part == "body" else []))
            kept.append(statement)
        return kept

    def _imports(self, node, name, target, names, modules):
        """Import statements in the place of one."""
        ours = {}  # linked module -> [alias]
        rest = []
        for alias in node.names:
            as_name = alias.asname or alias.name
            whole = "%s.%s" % (node.module, alias.name)
            if whole in self.home:
                home = self.home[whole]
                wanted = sorted(self.modules[name].attributes(as_name))
                found = {attr: self._resolve(whole, attr) for attr in wanted}
                if None in found.values():
                    raise LinkError("%s asks %s for what it has not" % (name, whole))
                if home != target:
                    called = {attr: self._called(target, home, found[attr]) for attr in wanted}
                    ours.setdefault(home, []).extend(
                        _alias(found[attr], called[attr]) for attr in wanted)  # fmt: skip
                    found = called
                modules[as_name] = found
            elif node.module in self.home and (new := self._resolve(node.module, alias.name)):
                home = self.home[node.module]
                if home == target:
                    own = as_name in self.modules[name].globals or hasattr(builtins, as_name)
                    if own or names.setdefault(as_name, new) != new:
                        raise LinkError("%s means two things in %s" % (as_name, name))
                else:
                    ours.setdefault(home, []).append(_alias(new, as_name))
            else:
                rest.append(alias)
        found = [ast.ImportFrom(home, aliases, 0) for home, aliases in ours.items()]
        if rest:
            found.append(ast.ImportFrom(node.module, rest, 0))
        return found

    def _resolve(self, module, name):
        """How a global of a module is called where it is now; it may be imported there.

        None for a module inside of a package, which this tree may even be without.
        """
        if (module, name) in self._names:
            return self._names[module, name]
        for node in self.modules[module].early:
            for alias in node.names:
                if (alias.asname or alias.name) == name and isinstance(node, ast.ImportFrom):
                    if node.module in self.home:
                        return self._resolve(node.module, alias.name)
                    return name
        return None
