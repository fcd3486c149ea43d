# uMeter - pytest: a virtual board for a test
# MIT license; Copyright (c) 2026 The uMeter authors

import pytest

from sim.launch import VirtualBoard, make_image


@pytest.fixture
def board(tmp_path, micropython):
    """Function that starts a board with given files; all are ended with the test."""
    made = []

    def start(files=None, world=None, **more):
        image = tmp_path / "flash.img"
        if files is not None:
            make_image(image, {name: text.encode() for name, text in files.items()})
        made.append(VirtualBoard(image, world, micropython=micropython, **more))
        return made[-1].start()

    yield start
    for each in made:
        each.close()
