# uMeter - what the board remembers over a reset, and its two watchdogs
# MIT license; Copyright (c) 2026 The uMeter authors
# path: sim/virtual:sim/board

import machine
import world

from firmware.board import EXCEPTION, Board

POWER, HARD, WATCHDOG, DEEP, SOFT = 1, 2, 3, 4, 5


class Config:
    PINS = {"watchdog": 16}
    INVERTED = ()


def start(cause):
    world.reset_cause = cause
    world.on_restart = lambda cause: None
    return Board(Config)


def reset(board, *reason):
    try:
        board.restart(*reason)
        assert False, "it runs on"
    except SystemExit:
        return


def test_a_restart_tells_its_reason_once():
    board = start(POWER)
    assert board.reset_reason == 0 and board.failures == 0
    reset(board)
    board = start(HARD)
    assert board.reset_reason == 4
    board.begin()
    assert start(HARD).reset_reason == 6  # the button: nobody said why
    reset(board, 7)
    assert start(HARD).reset_reason == 7
    reset(start(HARD), EXCEPTION)
    assert start(HARD).reset_reason == 2
    assert start(WATCHDOG).reset_reason == 1
    assert start(DEEP).reset_reason == 5 and start(SOFT).reset_reason == 4


def test_failures_in_a_row():
    cause = POWER
    for number in range(300):
        board = start(cause)
        assert board.failures == min(number, 255), number
        board.begin()
        cause = WATCHDOG if number % 2 else HARD
        if number % 3 == 0:
            reset(board, EXCEPTION)
    assert start(SOFT).failures == start(POWER).failures == start(DEEP).failures == 0
    board = start(HARD)
    board.begin()
    board.settle()
    assert start(WATCHDOG).failures == 0
    board.begin()
    assert start(WATCHDOG).failures == 1
    reset(board)
    assert start(HARD).failures == 0


def test_noise_in_the_memory_is_nothing():
    board = start(POWER)
    board.begin()
    good = machine.RTC().memory()
    for cause in (HARD, WATCHDOG):
        assert start(cause).failures == 1
        for i in range(len(good)):
            for bit in range(8):
                noise = bytearray(good)
                noise[i] ^= 1 << bit
                machine.RTC().memory(noise)
                board = start(cause)
                assert board.failures == 0 and board.reset_reason in (1, 6), (i, bit)
        for noise in (b"", b"\x00", b"\xff" * 6, bytes(6), bytes(2048), good + b"x", good[:5]):
            machine.RTC().memory(noise)
            assert start(cause).failures == 0
        machine.RTC().memory(good)


def test_the_pin_turns_while_the_watchdog_is_fed():
    edges = []
    board = start(POWER)
    world.on_output = lambda pin, level: edges.append((pin, level))
    causes = []
    world.on_restart = causes.append
    board.start_watchdog()
    for _ in range(100):
        world.advance(2000)
        board.feed_watchdog()
    turns = edges[1:]
    assert turns[:3] == [(16, 1), (16, 0), (16, 1)] and len(turns) == 400
    board.start_watchdog(10000)  # made again: its new timeout holds for the pin, too
    edges.clear()
    try:
        world.advance(100000)
        assert False, "no bite"
    except SystemExit:
        assert causes == [WATCHDOG]
    assert len(edges) in (19, 20)
