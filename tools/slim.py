# uMeter - takes out of microdot what the device's pages do not use: code lives in the heap
# MIT license; Copyright (c) 2026 The uMeter authors

# As published it takes 21 kB of the chip's heap, and 7 kB like this. Three steps on its syntax
# tree: what is known to be constant here is folded, what the pages never ask for is dropped, and
# then go the definitions whose name nothing mentions any more. tests/tools/test_slim.py compares
# the answers of both, and finds rows that fit a newer microdot no longer.

import ast

# Expressions, as ast.unparse writes them: no applications inside the application, no hooks;
# bodies are bytes, texts, generators and files.
CONSTANTS = {
    "hasattr(req.g, '_vary')": False,
    "req.subapp": None,
    "self.get_request_handlers(req, 'before_request', False)": (),
    "self.get_request_handlers(req, 'after_request', True)": (),
    "self.get_request_handlers(req, 'after_error_request', True)": (),
    "req.after_request_handlers": (),
    "mro(exc.__class__)[1:]": (),
    "exc.__class__ in self.error_handlers": False,
    "self.options_handler": None,
    "isinstance(res, int)": False,
    "isinstance(f, dict)": False,
    "hasattr(self.body, '__anext__')": False,
    "hasattr(iter, 'aclose')": True,
    "iscoroutine(buf)": False,
    "iscoroutine(result)": False,
    "isinstance(urlencoded, str)": False,
    "isinstance(s, str)": False,
    "segment[-1] != '>'": False,
    "':' in segment": False,
    "type_.startswith('re:')": False,
    "type_ not in self.segment_patterns": False,
    "segment['parser']": None,
    "parser": None,
    "type is not None": False,
    "res is None": True,
    "not after_request_handled": False,
}
# Statements, by how ast.unparse begins them.
DROPPED = (
    "if isinstance(res, tuple):\n    if isinstance(res[0], int):",  # handlers return a Response
    "if body is None and status_code == 200:",
    "if isinstance(body, (dict, list)):",
    "self.args = self._parse_urlencoded(",
    "self.args = {}",
    "self.g = Request.G()",
    "self._json = None",
    "self._files = None",
    "self.url_prefix = ",
    "self.scheme = ",
    "self.after_request_handlers = []",
    "self.after_error_request_handlers = []",
    "self.before_request_handlers = []",
    "self.options_handler = ",
    "self.ssl = ",
    "self.debug = ",
    "self.server = ",
    "handler = None",
    "if handler:",
    "after_request_handled = ",
    "parser = ",
    "self.body_used = ",
    "self.query_string = None",
    "segment_parsers = ",
    "def __delitem__(",
    "def update(",
    "class G:",
    "@property\ndef json(",
    "@property\ndef stream(",
    "@classmethod\ndef redirect(",
    "except HTTPException as exc:",
)
ABSENT = ("inspect", "orjson")  # modules that MicroPython lacks: their ImportError is certain
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


class _Fold(ast.NodeTransformer):
    def __init__(self):
        self.unused = set(CONSTANTS) | set(DROPPED)

    def visit(self, node):
        if isinstance(node, (ast.stmt, ast.excepthandler)):
            text = ast.unparse(node).lstrip("\n")
            for prefix in DROPPED:
                if text.startswith(prefix):
                    self.unused.discard(prefix)
                    return None
        if isinstance(node, ast.expr) and isinstance(getattr(node, "ctx", ast.Load()), ast.Load):
            text = ast.unparse(node)
            if text in CONSTANTS:
                self.unused.discard(text)
                return ast.Constant(CONSTANTS[text])
        node = super().visit(node)
        if hasattr(node, "body") and isinstance(node.body, list) and not node.body:
            node.body = [ast.Pass()]
        return node

    def visit_BoolOp(self, node):
        self.generic_visit(node)
        decides = isinstance(node.op, ast.Or)  # this value ends it
        values = []
        for value in node.values:
            if not isinstance(value, ast.Constant):
                values.append(value)
            elif bool(value.value) is decides:
                values.append(value)
                break
        if not values:
            return ast.Constant(not decides)
        node.values = values
        return values[0] if len(values) == 1 else node

    def visit_UnaryOp(self, node):
        self.generic_visit(node)
        if isinstance(node.op, ast.Not) and isinstance(node.operand, ast.Constant):
            return ast.Constant(not node.operand.value)
        return node

    def _choose(self, node):
        self.generic_visit(node)
        if isinstance(node.test, ast.Constant) or _first_decides(node.test):
            return node.body if _truth(node.test) else node.orelse
        return node

    def visit_If(self, node):
        return self._choose(node)

    def visit_IfExp(self, node):
        return self._choose(node)

    def visit_For(self, node):
        self.generic_visit(node)
        if isinstance(node.iter, ast.Constant) and not node.iter.value:
            return node.orelse
        return node

    def visit_Try(self, node):
        self.generic_visit(node)
        first = node.body[0] if node.body else None
        names = [alias.name for alias in first.names] if isinstance(first, ast.Import) else []
        if isinstance(first, ast.ImportFrom):
            names = [first.module]
        if set(names) & set(ABSENT):
            return node.handlers[0].body
        return node if node.handlers or node.finalbody else node.body


def _first_decides(test):
    """`False and x` counts as False: x has no effect of its own."""
    return (isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And)
            and any(isinstance(v, ast.Constant) and not v.value for v in test.values))  # fmt: skip


def _truth(test):
    return bool(test.value) if isinstance(test, ast.Constant) else False


def _names(node):
    return {n.id if isinstance(n, ast.Name) else n.attr
            for n in ast.walk(node) if isinstance(n, (ast.Name, ast.Attribute))}  # fmt: skip


def used_names(sources):
    """All that these texts of Python mention."""
    names = set()
    for source in sources:
        tree = ast.parse(source)
        names |= _names(tree)
        names |= {a.name for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) for a in n.names}
    return names


def _owners(tree):
    """[(class or None, statement)] of the module and of its classes."""
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            yield from ((node, part) for part in node.body)
        else:
            yield None, node


def _is_wanted(owner, node, wanted):
    if owner and owner.name not in wanted:
        return False
    if isinstance(node, _FUNCTIONS):
        special = owner and node.name.startswith("__") and node.name != "__repr__"
        return bool(special) or node.name in wanted
    if isinstance(node, ast.Assign):  # also of an attribute, Response.x = ...
        return _names(node.targets[0]) <= wanted
    return True


def _shake(tree, wanted):
    """Keeps what is mentioned: by `wanted`, or by what is kept."""
    kept, grown = set(), True
    while grown:
        grown = False
        for owner, node in _owners(tree):
            if node not in kept and _is_wanted(owner, node, wanted):
                kept.add(node)
                wanted |= _names(node)
                if owner:
                    wanted |= {name for base in owner.bases for name in _names(base)}
                grown = True
    for owner, node in list(_owners(tree)):
        if node not in kept:
            (owner or tree).body.remove(node)
    tree.body = [n for n in tree.body if not isinstance(n, ast.ClassDef) or n.name in wanted]


def slim(source, users):
    """(source, rows that did not fit anything). users: texts of the modules that import it."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and isinstance(body[0], ast.Expr):
            if isinstance(body[0].value, ast.Constant):  # a docstring
                body.pop(0)
    fold = _Fold()
    tree = ast.fix_missing_locations(fold.visit(tree))
    _shake(tree, used_names(users))
    for node in ast.walk(tree):
        if isinstance(getattr(node, "body", None), list) and not node.body:
            node.body = [ast.Pass()]
    return ast.unparse(ast.fix_missing_locations(tree)) + "\n", sorted(fold.unused)
