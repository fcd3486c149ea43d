# uMeter - make webflash
# MIT license; Copyright (c) 2026 The uMeter authors

import os
import sys
from pathlib import Path

from tools.build import ROOT, command_line
from tools.config import ConfigError, run_variable
from tools.config.collect import parse_overrides
from tools.webflash import images, server
from tools.webflash.package import PackageError, package


def main(argv=None):
    options = command_line("Serves a page that flashes boards.").parse_args(argv)
    try:
        image = run_variable("IMAGE", parse_overrides(options.override), os.environ)
        paths = [Path(image)] if image else sorted((ROOT / "build").glob("image*.bin"))
        httpd = server.listen(images.offers(paths), package())
    except (ConfigError, PackageError, images.WebflashError) as error:
        sys.exit("webflash: %s" % error)
    print("http://localhost:%d/ in Chrome or Edge on this computer; Ctrl-C ends it"
          % httpd.server_address[1], flush=True)  # fmt: skip
    try:
        httpd.serve_forever()
    except KeyboardInterrupt:
        httpd.server_close()


if __name__ == "__main__":
    main()
