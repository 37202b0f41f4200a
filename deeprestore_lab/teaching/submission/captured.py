"""What a process prints, without ever holding more than was asked for."""

import threading


class Captured:
    """What a process prints, read as it comes: the start and the end of it are kept."""

    def __init__(self, pipe, length: int):
        self.pipe, self.length, self.start, self.tail, self.count = pipe, length, b"", b"", 0
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self) -> None:
        while data := self.pipe.read1(65536):
            self.count += len(data)
            room = max(0, self.length // 2 - len(self.start))
            self.start += data[:room]
            self.tail = (self.tail + data[room:])[-self.length // 2 :]
        self.pipe.close()

    def text(self) -> str:
        """The output; where something is left out, a line says how much."""
        self.thread.join(timeout=5)
        left = self.count - len(self.start) - len(self.tail)
        between = f"\n[{left} bytes are left out]\n".encode() if left else b""
        return (self.start + between + self.tail).decode("utf-8", errors="replace")
