# uMeter - serves the page, the images and ESP Web Tools to the browser of this computer
# MIT license; Copyright (c) 2026 The uMeter authors

# The images hold the keys of a device. So only this computer can ask, and only by its own name:
# a page from elsewhere whose name was made to point here is sent away.

import html
import string
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tools.webflash import images

PORT = 8032
_PAGE = Path(__file__).with_name("page.html")
_TYPES = {".html": "text/html; charset=utf-8", ".json": "application/json",
          ".js": "text/javascript", ".bin": "application/octet-stream"}  # fmt: skip
# ESP Web Tools makes its styles at run time.
_POLICY = ("default-src 'none'; script-src 'self'; style-src 'unsafe-inline'; img-src data:; "
           "connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'")


def render(shown):
    """The page, for [images.Offer]."""
    cells = [(offer.chip, offer.tree.board, offer.tree.meter, "%d MB" % offer.megabytes,
              offer.tree.version) for offer in shown]  # fmt: skip
    rows = "\n".join("<tr>%s</tr>" % "".join("<td>%s</td>" % html.escape(cell) for cell in row)
                     for row in cells)  # fmt: skip
    sizes = "make image FLASH_SIZE= makes images for others."
    return string.Template(_PAGE.read_text()).substitute(rows=rows, sizes=sizes)


def listen(shown, modules):
    """A server, not yet running, on PORT or, if that is taken, a free one."""
    files = {"/": (".html", render(shown).encode()),
             "/manifest.json": (".json", images.manifest(shown).encode())}  # fmt: skip
    files.update({"/" + offer.url: (".bin", offer.path.read_bytes()) for offer in shown})
    files.update({"/esp-web-tools/" + path.name: (".js", path.read_bytes())
                  for path in modules.glob("*.js")})  # fmt: skip

    class Handler(_Handler):
        pass

    Handler.files = files
    try:
        return ThreadingHTTPServer(("127.0.0.1", PORT), Handler)
    except OSError:
        return ThreadingHTTPServer(("127.0.0.1", 0), Handler)


class _Handler(BaseHTTPRequestHandler):
    files = {}  # path -> (ending, bytes)
    timeout = 10  # seconds

    def do_GET(self):
        port = self.server.server_address[1]
        if self.headers.get("Host") not in ("127.0.0.1:%d" % port, "localhost:%d" % port):
            self.send_error(HTTPStatus.FORBIDDEN)
            return
        ending, data = self.files.get(self.path.partition("?")[0], ("", None))
        if data is None:
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", _TYPES[ending])
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("Content-Security-Policy", _POLICY)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        """Silent: the page shows what happens."""
