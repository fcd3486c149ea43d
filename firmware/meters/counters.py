# uMeter - how good a meter's line is, in numbers
# MIT license; Copyright (c) 2026 The uMeter authors


class Counters:
    """Since the start."""

    def __init__(self):
        self.bytes = 0  # received
        self.good = 0  # frames whose check was right
        self.bad = 0  # frames that were damaged
        self.echoes = 0  # own requests heard again
        self.noise = 0  # bytes outside frames
        self.retries = 0
        self.timeouts = 0
        self.reply_ms = 0  # from the request's last byte to the last reply's end
