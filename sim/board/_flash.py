# uMeter - flash chip of the virtual board, with power cuts
# MIT license; Copyright (c) 2026 The uMeter authors

import world

BLOCK = 4096
_BLANK = b"\xff" * BLOCK  # kept: the chip erases without a heap


class PowerCut(BaseException):
    """The supply went away; no program can do anything about it."""


class Flash:
    """Block device for vfs.VfsLfs2: in a file of the machine, or in RAM where `path` is None.

    cut_at: number of the write (program or erase, counted from 1) that gets half done before the
    power is gone. `on_cut()` is called then; without it PowerCut is raised, by all later writes,
    too, until cut_at is 0 again. `writes`: list of
    (block, offset, length), length 0 for an erase, while `log` is set; `count`: how many so far.
    """

    def __init__(self, path=None, blocks=512, cut_at=0, on_cut=None):
        self.path, self.cut_at, self.on_cut = path, cut_at, on_cut
        self.count, self.log, self.writes = 0, False, []
        self._file, self._ram = None, {}
        self.blocks = blocks
        if path:
            self._open(path)

    def _open(self, path):
        try:
            self.blocks = world.host.stat(path)[6] // BLOCK
        except OSError:
            with world.host.open(path, "wb") as f:
                for _ in range(self.blocks):
                    f.write(_BLANK)
        self._file = world.host.open(path, "r+b")

    def readblocks(self, block, buf, offset=0):
        if self._file:
            self._file.seek(block * BLOCK + offset)
            self._file.readinto(buf)
        elif block in self._ram:
            buf[:] = memoryview(self._ram[block])[offset : offset + len(buf)]
        else:
            for i in range(len(buf)):
                buf[i] = 255

    def writeblocks(self, block, buf, offset=None):
        if offset is None:
            self._erase(block)
            offset = 0
        cut = self._counted(block, offset, len(buf))
        self._put(block, memoryview(buf)[: len(buf) // 2] if cut else buf, offset)
        if cut:
            self._cut()

    def ioctl(self, op, arg):
        if op == 4:
            return self.blocks
        if op == 5:
            return BLOCK
        if op == 6:
            self._erase(arg)
            return 0

    def reborn(self):
        """The same contents (in RAM) for the next boot; files left open can do them no harm."""
        self.cut_at = self.count = 1
        device = Flash(blocks=self.blocks)
        device._ram = {block: bytearray(data) for block, data in self._ram.items()}
        return device

    def _erase(self, block):
        cut = self._counted(block, 0, 0)
        self._put(block, memoryview(_BLANK)[: BLOCK // 2] if cut else _BLANK, 0)
        if cut:
            self._cut()

    def _counted(self, block, offset, length):
        if self.cut_at and self.count >= self.cut_at:
            raise PowerCut  # a file that is closed on the way out must not be finished
        self.count += 1
        if self.log:
            self.writes.append((block, offset, length))
        return self.count == self.cut_at

    def _put(self, block, data, offset):
        if self._file:
            self._file.seek(block * BLOCK + offset)
            self._file.write(data)
        else:
            if block not in self._ram:
                self._ram[block] = bytearray(b"\xff" * BLOCK)
            self._ram[block][offset : offset + len(data)] = data

    def _cut(self):
        if self.on_cut:
            self.on_cut()
        raise PowerCut


def mount(device, make=True):
    """A littlefs like the chip's on `device`; made new where there is none and `make` is set."""
    import vfs

    try:
        return vfs.VfsLfs2(device, readsize=32, progsize=32, lookahead=32)
    except OSError:
        if not make:
            raise
    vfs.VfsLfs2.mkfs(device, readsize=32, progsize=32, lookahead=32)
    return vfs.VfsLfs2(device, readsize=32, progsize=32, lookahead=32)
