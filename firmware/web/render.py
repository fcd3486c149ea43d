# uMeter - pages: templates filled in piece by piece, everything escaped
# MIT license; Copyright (c) 2026 The uMeter authors

FOLDER = "/firmware/web/static/"
_ESCAPES = (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;"), ("'", "&#39;"))


def escape(text):
    """For texts and for attributes in quotes."""
    for sign, name in _ESCAPES:
        if sign in text:
            text = text.replace(sign, name)
    return text


def fill(name, slots):
    """Pieces of a page. slots: {name: text, escaped here, or an iterable of finished HTML}."""
    with open(FOLDER + name) as file:
        while True:
            line = file.readline()
            if not line:
                return
            parts = line.split("{{")
            yield parts[0]
            for part in parts[1:]:
                slot, _, rest = part.partition("}}")
                value = slots[slot]
                if isinstance(value, str):
                    yield escape(value)
                else:
                    yield from value
                yield rest


def page(title, body, slots):
    """Pieces of a whole page: the frame that all share, with `body` (a template) in it."""
    return fill("frame.html", dict(slots, title=title, body=fill(body, slots)))
