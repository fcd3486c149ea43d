# uMeter - fake of the module esp: facts of the flash
# MIT license; Copyright (c) 2026 The uMeter authors


def flash_size():
    return 4 * 1024 * 1024
