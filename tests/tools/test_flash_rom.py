# uMeter - make flash FIRMWARE=: the real esptool against a scripted boot loader
# MIT license; Copyright (c) 2026 The uMeter authors

import contextlib
import io
import socket
import subprocess
import sys
import threading
import warnings
from types import SimpleNamespace

import pytest
import serial.tools.list_ports
from rich.console import Console

from sim.launch import VirtualBoard, make_image
from tests.sources import ROOT
from tests.tools import rom_loader
from tests.tools.conftest import flags
from tests.tools.firmware_images import WITH_FILES, firmware
from tests.tools.rom_loader import RomLoader
from tools import flash_monitor, flash_rom, mpy, partitions
from tools.build import build
from tools.flash import main
from tools.flash_port import FlashError, given_port, port_name
from tools.flash_rom import PIECE, blank, write_firmware


def write(rom, data, board_chip=None, erase=False):
    """write_firmware(), and what it said."""
    said = io.StringIO()
    image = partitions.read(data)
    done = write_firmware(rom.port, image, board_chip or image.chip, erase,
                          Console(file=said, width=200))
    return done, said.getvalue()


def fails(rom, data, board_chip=None):
    with pytest.raises(FlashError) as error:
        write(rom, data, board_chip)
    return str(error.value)


def writes(rom):
    return rom.commands.count(rom_loader.DEFL_BEGIN)


def needed(data):
    """How many pieces a blank flash memory lacks."""
    return sum(bool(piece.strip(b"\xff")) for _, piece in partitions.read(data).pieces(PIECE))


@pytest.mark.parametrize("chip", ["esp32", "esp32s2", "esp32s3", "esp32c3"])
def test_the_right_place_for_each_chip(chip):
    data = firmware(chip)
    at = 0x1000 if chip in ("esp32", "esp32s2") else 0
    with RomLoader(chip) as rom:
        done, said = write(rom, data)
        assert done and chip in said and "verified" in said
        assert rom.flash[at : at + len(data)] == data
        assert not rom.flash[:at].strip(b"\xff")
        count = writes(rom)
        assert count == needed(data)
        done, said = write(rom, data)
        assert not done and "already" in said and writes(rom) == count


def test_settings_of_the_chip_stay_unless_erased():
    data = firmware()
    with RomLoader() as rom:
        rom.flash[0x9000:0xF000] = b"s" * 0x6000
        rom.flash[0x300000] = 1
        write(rom, data)
        assert rom.flash[0x9000:0xF000] == b"s" * 0x6000 and rom.flash[0x300000] == 1
        assert rom_loader.ERASE not in rom.commands
        write(rom, data, erase=True)
        assert rom.flash == (b"\xff" * 0x1000 + data).ljust(4 << 20, b"\xff")


@pytest.mark.parametrize("cut", [0, 3, 7])
def test_a_pulled_cable(cut):
    data = firmware(size=400000)
    count = needed(data)
    with RomLoader(cut=cut) as rom:
        assert "goes on where it stopped" in fails(rom, data)
        first, rom.cut = writes(rom), None
        assert first < count
        write(rom, data)
        assert rom.flash[0x1000 : 0x1000 + len(data)] == data
        # The piece that was cut, and those that the first run did not reach
        assert writes(rom) - first == count - (first - 1)
        assert cut == 0 or writes(rom) - first < count


def test_the_wrong_chip():
    with RomLoader("esp32c3") as rom:
        assert "the board has esp32c3, but the image is for esp32" in fails(rom, firmware())
        assert "tree is for esp32s3; give BOARD=" in fails(rom, firmware(), "esp32s3")
        assert not rom.flash.strip(b"\xff")
        assert not {rom_loader.ERASE, rom_loader.DEFL_BEGIN} & set(rom.commands)


def test_the_wrong_size():
    whole = firmware("esp32s3", WITH_FILES).ljust(4 << 20, b"\0")
    stock = firmware("esp32s3").ljust(4 << 20, b"\0")
    with RomLoader("esp32s3", megabytes=2) as rom:
        assert "needs 4 MB of flash, the board has 2" in fails(rom, whole)
    with RomLoader("esp32s3", megabytes=8) as rom:
        assert "for 4 MB of flash, the board has 8; make image FLASH_SIZE=8M" in fails(rom, stock)
        assert writes(rom) == 0
        assert write(rom, whole)[0], "a partition of its own: any larger flash will do"


def test_worn_flash():
    with RomLoader() as rom:
        rom.worn = 0x1004
        assert "worn out" in fails(rom, firmware())


def test_blank():
    with RomLoader() as rom:
        rom.flash[:] = b"x" * len(rom.flash)
        blank(rom.port, Console(file=io.StringIO()))
        assert not rom.flash.strip(b"\xff")


def test_nobody_answers(monkeypatch, tmp_path):
    monkeypatch.setattr(flash_rom, "_ATTEMPTS", 1)
    with socket.create_server(("127.0.0.1", 0)) as server:
        rom = SimpleNamespace(port="socket://127.0.0.1:%d" % server.getsockname()[1])
        assert "hold its BOOT button" in fails(rom, firmware())
    assert "cannot open" in fails(rom, firmware())
    assert "cannot open" in fails(SimpleNamespace(port=str(tmp_path / "none")), firmware())


class Switch:
    """One port; its first connection goes to the first address, and so on."""

    def __init__(self, *addresses):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = "socket://127.0.0.1:%d" % self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._run, args=(addresses,), daemon=True)
        self._thread.start()

    def _run(self, addresses):
        with contextlib.suppress(OSError):
            for address in addresses:
                near, _ = self._listener.accept()
                far = socket.create_connection(address)
                back = threading.Thread(target=self._pass, args=(far, near), daemon=True)
                back.start()
                self._pass(near, far)
                back.join()
                near.close()
                far.close()

    @staticmethod
    def _pass(source, target):
        with contextlib.suppress(OSError):
            while data := source.recv(4096):
                target.sendall(data)
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_RDWR)

    def close(self):
        self._listener.close()
        self._thread.join(10)


def test_an_empty_board_to_a_running_app(tmp_path, source, micropython):
    """Boot loader first, MicroPython afterwards, at the same port, by the command."""
    build(flags(), mpy.host_arch(micropython), tmp_path / "device", source)
    (tmp_path / "micropython.bin").write_bytes(firmware())
    make_image(tmp_path / "flash", {})
    with RomLoader() as rom, VirtualBoard(tmp_path / "flash", tcp=("127.0.0.1", 0)) as board:
        board.wait_line("virtual board")
        host, number = rom.port.rpartition("/")[2].split(":")
        # Once, on a busy machine, esptool found no chip here ("get security info ... 0105"); not
        # again in 30 tries, some with late answers. The cause is not known, so it is warned of.
        for _ in range(3):
            switch = Switch((host, int(number)), board._terminal.tcp)
            done = subprocess.run(
                [sys.executable, "-m", "tools.flash", "--image", tmp_path / "micropython.bin",
                 "--erase", "--override=PORT=" + switch.port,
                 "--override=OUT=%s" % (tmp_path / "device")],
                cwd=ROOT, capture_output=True, text=True)  # fmt: skip
            if "no ESP32 answers" not in done.stderr:
                break
            warnings.warn(done.stderr, stacklevel=1)
            switch.close()
        assert done.returncode == 0, done.stderr
        assert "MicroPython written" in done.stderr and "all verified" in done.stderr
        assert rom.flash[0x1000 : 0x1000 + len(firmware())] == firmware()
        board.wait_line("^up kmp 12739")
        switch.close()


# -- the command --


def refused(*words):
    with pytest.raises(SystemExit) as error:
        main(["--override=PORT=/nowhere", *words])
    return error.value.code


def test_command_refuses(tmp_path, source):
    build(flags(BOARD="esp32c3"), "", tmp_path / "device", source)
    tree = "--override=OUT=%s" % (tmp_path / "device")
    (tmp_path / "text").write_text("no image")
    (tmp_path / "esp32").write_bytes(firmware())
    assert "give FIRMWARE=" in refused(tree, "--erase")
    assert "give FIRMWARE=" in refused(tree, "--override=ERASE=1")
    assert "0xE9" in refused(tree, "--override=FIRMWARE=%s" % (tmp_path / "text"))
    assert "No such file" in refused(tree, "--image", str(tmp_path / "none"))
    assert "the tree is for esp32c3" in refused(tree, "--image", str(tmp_path / "esp32"))


def test_monitor_starts_mpremote(monkeypatch):
    calls = []
    monkeypatch.setattr(flash_monitor.subprocess, "call", lambda words: calls.append(words) or 0)
    monkeypatch.setattr(flash_monitor.sys, "stdin", io.StringIO())
    assert flash_monitor.monitor("socket://h:1") == 1 and not calls
    monkeypatch.setattr(flash_monitor.sys.stdin, "isatty", lambda: True)
    assert flash_monitor.monitor("socket://h:1") == 0
    assert calls[0][1:] == ["-m", "mpremote", "connect", "socket://h:1", "repl"]


# -- which port --


class Port(SimpleNamespace):
    def __lt__(self, other):
        return self.device < other.device


USB = [Port(device="/dev/ttyUSB1", vid=1, serial_number="B", description="bridge"),
       Port(device="/dev/ttyUSB0", vid=1, serial_number="A", description="bridge")]
BUILT_IN = Port(device="/dev/ttyS0", vid=None, serial_number=None, description="n/a")


def found(monkeypatch, *ports):
    monkeypatch.setattr(serial.tools.list_ports, "comports", lambda: list(ports))


def test_the_only_board_is_taken(monkeypatch):
    found(monkeypatch, BUILT_IN, USB[0])
    assert port_name("auto") == "/dev/ttyUSB1"
    found(monkeypatch, BUILT_IN)
    with pytest.raises(FlashError, match="no USB serial port"):
        port_name("auto")


def test_a_choice_when_there_are_several(monkeypatch):
    found(monkeypatch, *USB, BUILT_IN)
    asked = []
    assert port_name("auto", lambda ports: asked.extend(ports) or ports[1]) == "/dev/ttyUSB1"
    assert [p.device for p in asked] == ["/dev/ttyUSB0", "/dev/ttyUSB1"]
    assert port_name("id:A") == "/dev/ttyUSB0"
    monkeypatch.setattr(sys, "stdin", io.StringIO("2\n"))
    with pytest.raises(FlashError, match="one of /dev/ttyUSB0, /dev/ttyUSB1"):
        port_name("auto")  # nobody there to ask
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda *_: "2")
    assert port_name("auto") == "/dev/ttyUSB1"


def test_port_of_the_environment(monkeypatch):
    monkeypatch.setenv("ESPPORT", "/dev/a")
    assert given_port({}) == "/dev/a" and given_port({"PORT": "u1"}) == "u1"
    monkeypatch.delenv("ESPPORT")
    monkeypatch.delenv("PORT", raising=False)
    assert given_port({}) == "auto"
