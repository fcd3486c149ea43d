# uMeter - writes a MicroPython image, by the boot loader in the chip's ROM
# MIT license; Copyright (c) 2026 The uMeter authors

# esptool resets the board into that loader and puts its faster one into RAM. The image goes
# piece by piece, and a piece that is in flash already (the chip tells its MD5) is left out: so a
# second run goes on where a pulled cable stopped the first one.

import contextlib
import hashlib
import io
import zlib

import serial
from esptool import cmds
from esptool.util import FatalError, flash_size_bytes
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from tools.flash_port import FlashError

PIECE = 0x10000  # bytes; what one erase command of the flash memory takes
_BAUDRATE = 460800  # what all common USB bridges do
_ATTEMPTS = 7  # to reset the board, 1 to 2 s each

# What a pulled cable raises in esptool and pyserial.
_BROKEN = (FatalError, OSError, serial.SerialException, AttributeError)


class Loader:
    """Context manager: a board in its boot loader; afterwards it starts what is in flash."""

    def __init__(self, port):
        self.port = port
        self._esp = None

    def __enter__(self):
        with _hush():
            try:
                self._esp = cmds.detect_chip(self.port, connect_attempts=_ATTEMPTS)
            except FatalError as error:
                raise FlashError(_no_answer(self.port, error)) from None
            except OSError as error:
                raise FlashError("cannot open %s: %s" % (self.port, error)) from None
            try:
                self._prepare()
            except BaseException as error:
                self._esp._port.close()
                if isinstance(error, _BROKEN):
                    raise self._broken(error) from None
                raise
        return self

    def _prepare(self):
        self.chip = self._esp.CHIP_NAME.replace("-", "").lower()  # as in tools.boards.CHIPS
        self._esp = self._esp.run_stub()
        if not self.port.startswith("socket:") and not self._esp.uses_usb_otg():
            self._esp.change_baud(_BAUDRATE)
        if hasattr(cmds, "attach_flash"):  # esptool 5
            cmds.attach_flash(self._esp)
        size = cmds.detect_flash_size(self._esp)
        if size is None:
            raise FlashError("the flash memory of the board does not answer")
        self.flash_size = flash_size_bytes(size)
        self._esp.flash_set_parameters(self.flash_size)

    def __exit__(self, *_):
        with _hush(), contextlib.suppress(*_BROKEN):
            self._esp.hard_reset()
        with contextlib.suppress(*_BROKEN):
            self._esp._port.close()

    def _broken(self, error):
        return FlashError("the connection to %s broke (%s); run it again, it goes on where it "
                          "stopped" % (self.port, _first_line(error)))  # fmt: skip

    def erase(self):
        """Erases the whole flash memory, which takes up to a minute."""
        with _hush():
            try:
                self._esp.erase_flash()
            except _BROKEN as error:
                raise self._broken(error) from None

    def write(self, pieces, on_bytes=lambda n: None):
        """Brings [(address, bytes)] into flash and looks whether they are there.

        Returns how many had to be written. on_bytes(n) is told about each piece.
        """
        written = 0
        with _hush():
            try:
                for at, data in pieces:
                    if not self._holds(at, data):
                        self._write(at, data)
                        written += 1
                        if not self._holds(at, data):
                            raise FlashError("flash at 0x%x does not keep what was written; is "
                                             "it worn out?" % at)  # fmt: skip
                    on_bytes(len(data))
            except _BROKEN as error:
                raise self._broken(error) from None
        return written

    def _holds(self, at, data):
        return self._esp.flash_md5sum(at, len(data)) == hashlib.md5(data).hexdigest()

    def _write(self, at, data):
        packed = zlib.compress(data, 9)
        self._esp.flash_defl_begin(len(data), len(packed), at)
        size = self._esp.FLASH_WRITE_SIZE
        for number, i in enumerate(range(0, len(packed), size)):
            self._esp.flash_defl_block(packed[i : i + size], number, timeout=30)


def _hush():
    """esptool tells its progress on stdout; ours is shown instead."""
    return contextlib.redirect_stdout(io.StringIO())


def _first_line(error):
    return str(error).strip().partition("\n")[0] or type(error).__name__


def _no_answer(port, error):
    if str(error).startswith("Could not open"):
        return "cannot open %s: is it in use by another program?" % port
    return ("no ESP32 answers at %s (%s); hold its BOOT button, press RESET, and run it again"
            % (port, _first_line(error)))  # fmt: skip


def write_firmware(port, firmware, board_chip, erase, console):
    """Brings a tools.partitions.Firmware onto the board at port; True if something was written.

    board_chip: the chip that the tree is built for. FlashError says what does not fit; nothing
    is written then.
    """
    if firmware.chip != board_chip:
        raise FlashError("the image is for %s, but the tree is for %s; give BOARD="
                         % (firmware.chip, board_chip))  # fmt: skip
    with Loader(port) as loader:
        _check(loader, firmware)
        console.print("%s, %d MB of flash" % (loader.chip, loader.flash_size >> 20))
        if erase:
            console.print("erasing all of it ...")
            loader.erase()
        pieces = firmware.pieces(PIECE, keep=not erase)
        with progress_bar(console, sum(len(data) for _, data in pieces)) as (name, advance):
            name("MicroPython")
            written = loader.write(pieces, advance)
    if written:
        console.print("MicroPython written, %d kB; verified" % (len(firmware.data) // 1024))
    else:
        console.print("MicroPython was there already")
    return bool(written)


def _check(loader, firmware):
    if loader.chip != firmware.chip:
        raise FlashError("the board has %s, but the image is for %s" % (
            loader.chip, firmware.chip))  # fmt: skip
    if firmware.end > loader.flash_size:
        raise FlashError("the image needs %d MB of flash, the board has %d"
                         % (firmware.end >> 20, loader.flash_size >> 20))  # fmt: skip
    files = firmware.files_at + firmware.files_size(loader.flash_size)
    if firmware.holds_files and files != firmware.end:
        raise FlashError("the image is made for %d MB of flash, the board has %d; make image "
                         "FLASH_SIZE=%dM" % (firmware.end >> 20, loader.flash_size >> 20,
                                             loader.flash_size >> 20))  # fmt: skip


def blank(port, console=None):
    """Erases all of a board's flash memory."""
    console = console or Console(stderr=True, highlight=False, markup=False)
    with Loader(port) as loader:
        console.print("%s, %d MB of flash; erasing ..." % (loader.chip, loader.flash_size >> 20))
        loader.erase()
    console.print("the board is blank")


@contextlib.contextmanager
def progress_bar(console, size):
    """(name(text), advance(bytes)) of a bar that is there on a terminal only."""
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(),
               TimeRemainingColumn())  # fmt: skip
    shown = console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=not shown) as progress:
        task = progress.add_task("", total=size)
        yield (lambda text: progress.update(task, description=text),
               lambda count: progress.advance(task, count))  # fmt: skip
