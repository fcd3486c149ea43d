# uMeter - the same modules are linked once in a run of the tests, whoever builds them
# MIT license; Copyright (c) 2026 The uMeter authors

import hashlib
import json
import os

FLAGS = ("METER", "PINS", "POWER_SAVE")  # all that the linker looks at; a KeyError if it is more


def linked_once(link, folder):
    """tools.link_plan.link, which keeps its answers in the folder for all processes."""
    folder.mkdir(exist_ok=True)

    def linked(texts, flags):
        flags = {name: flags[name] for name in FLAGS}
        question = json.dumps([texts, flags], sort_keys=True).encode()
        path = folder / hashlib.sha256(question).hexdigest()
        if path.exists():
            return json.loads(path.read_text(encoding="utf-8"))
        answer = link(texts, flags)
        part = path.with_suffix(".%d" % os.getpid())  # others see all of it or nothing
        part.write_text(json.dumps(answer), encoding="utf-8")
        part.replace(path)
        return answer

    return linked
