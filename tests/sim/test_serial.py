# uMeter - what the virtual UART hears when its settings are not the sender's
# MIT license; Copyright (c) 2026 The uMeter authors

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.board._serial import Resampler, byte_us, parse

LONG_US = 1_000_000
TEXT = b"/ISK5 0-0:1.0.0(251214160005W)\r\n" * 3


def heard(sender, receiver, data, pause_us=0):
    """What comes out; pause_us: between two characters."""
    line = Resampler(parse(sender), parse(receiver))
    out = line.idle(LONG_US)
    for i in range(len(data)):
        out += line.feed(data[i : i + 1]) + line.idle(pause_us)
    return out + line.idle(LONG_US)


def even(byte):
    return byte | (bin(byte).count("1") & 1) << 7


@given(
    st.sampled_from([300, 2400, 115200]),
    st.sampled_from(["8N1", "8E1", "8O1", "8N2"]),
    st.binary(max_size=40),
    st.sampled_from([0, 7, 5000]),
)
def test_same_settings_same_bytes(baudrate, frame, data, pause_us):
    setting = "%d %s" % (baudrate, frame)
    assert heard(setting, setting, data, pause_us) == data
    assert heard(setting + " inverted", setting + " inverted", data, pause_us) == data
    # Within half a bit over a character every receiver keeps up.
    for percent in (97, 103):
        assert heard("%d %s" % (baudrate * percent // 100, frame), setting, data) == data


def test_formats_of_the_same_rate():
    every = bytes(range(256))
    # The parity bit in the place of the stop bit is a framing error, which nobody hears of.
    assert heard("2400 8E1", "2400 8N1", every) == every
    assert heard("2400 8N2", "2400 8E1", every) == every
    assert heard("2400 7E1", "2400 8N1", TEXT) == bytes(map(even, TEXT))
    assert heard("2400 8N1", "2400 7E1", TEXT) == TEXT
    # Here the next start bit is where the stop bit should be, and its edge is missed...
    assert heard("2400 8N1", "2400 8E1", every) != every
    # ... but for a sender that leaves a pause.
    assert heard("2400 8N1", "2400 8E1", every, 500) == every


@pytest.mark.parametrize("receiver", ["9600 8N1", "115200 8N1", "2400 8N1 inverted"])
def test_other_rate_or_polarity_is_garbage(receiver):
    got = heard("2400 8N1", receiver, TEXT)
    assert got and TEXT[:3] not in got


def test_far_too_fast_receiver_hears_zeros():
    assert set(heard("2400 8N1", "115200 8N1", TEXT)) == {0}


def test_far_too_slow_receiver_hears_little():
    assert len(heard("115200 8N1", "2400 8N1", TEXT)) <= len(TEXT) // 24


@pytest.mark.parametrize("text", ["2400", "2400 8X1", "2400 8N1 up", "x 8N1", "2400 8N10"])
def test_wrong_descriptions(text):
    with pytest.raises((ValueError, KeyError)):
        parse(text)


def test_duration():
    assert byte_us(parse("2400 8N1")) == 4166 and byte_us(parse("2400 8E1")) == 4583
