"""What people do in a run: they shoot, copy, rename, cut, delete, unplug drives, tidy the platform, and sleep."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from tests.simulation.clips import make_clip
from tests.simulation.machine import Machine

if TYPE_CHECKING:
    from tests.simulation.world import World

_FOLDERS = ("", "day1", "day2", "day1/cam")
_NAMES = ("a", "b", "c", "d", "e", "f", "g")
_PAUSES_S = (0.05, 0.5, 2, 5, 8, 12, 15, 20, 40, 90, 300)


class People:
    """One after another, with pauses; tlsync works meanwhile."""

    def __init__(self, world: World, source: random.Random) -> None:
        self._world = world
        self._disk = world.disk
        self._random = source
        self._contents: list[bytes] = []
        self._unplugged: dict[Machine, Path] = {}
        self._deeds: list[tuple[float, Callable[[Machine], None]]] = [
            (6, self.shoot),
            (3, self.copy_slowly),
            (2, self.copy),
            (2, self.lookalike),
            (2, self.rename),
            (1, self.rename_folder),
            (1.5, self.delete),
            (1.5, self.edit),
            (1, self.edit_in_place),
            (1, self.truncate),
            (1, self.touch),
            (0.7, self.swap),
            (0.5, self.junk),
            (0.7, self.block_sidecar),
            (0.7, self.delete_sidecar),
            (0.8, self.unplug),
            (1.5, self.plug_in),
            (0.7, self.restart),
            (0.5, self.kill),
            (0.5, self.sleep_long),
            (0.4, self.remove_remotely),
            (0.4, self.let_fail),
            (0.4, self.expire),
            (0.5, self.retry),
        ]

        self._with_files = {deed for _, deed in self._deeds[:15]}

    def begin(self) -> None:
        for machine in self._world.machines:
            for _ in range(self._random.randint(0, 4)):
                self.shoot(machine)

    def live(self) -> None:
        weights = [weight for weight, _ in self._deeds]
        deeds = [deed for _, deed in self._deeds]
        for _ in range(self._random.randint(3, 20)):
            self._pause()
            machine = self._random.choice(self._world.machines)
            for one in self._world.machines:
                if not one.is_running and self._random.random() < 0.7:
                    one.start()
            deed = self._random.choices(deeds, weights)[0]
            if machine in self._unplugged and deed in self._with_files:
                continue  # they have no drive to work on
            self._world.note("people", machine.name, deed.__name__)
            deed(machine)

    def make_good(self) -> None:
        """Drives are plugged in again, and nobody touches anything any more."""
        for machine in self._world.machines:
            self.plug_in(machine)

    # What they do with footage

    def shoot(self, machine: Machine) -> None:
        size_bytes = self._random.choice([70, 150, 200, 250, 420, 640, 1250, 2600])
        data = make_clip(self._random, size_bytes + self._random.randrange(20))
        self._contents.append(data)
        self._disk.write(self._new_path(machine), data)

    def copy_slowly(self, machine: Machine) -> None:
        """A copy that arrives in pieces, with pauses that may be longer than the quiet period."""
        data = self._a_content()
        path = self._new_path(machine)
        pieces = self._random.randint(2, 4)
        step = -(-len(data) // pieces)
        self._disk.write(path, data[:step])
        inode = path.stat().st_ino
        if self._random.random() < 0.5:  # else the program opens it anew for each piece
            self._disk.being_written.add(inode)
        for start in range(step, len(data), step):
            self._pause()
            self._disk.append(path, data[start : start + step])
        self._disk.being_written.discard(inode)

    def copy(self, machine: Machine) -> None:
        self._disk.write(self._new_path(machine), self._a_content())

    def lookalike(self, machine: Machine) -> None:
        """Same size, same samples, other bytes."""
        data = bytearray(self._a_content())
        middle = max(64, len(data) // 2 + 1)
        data[middle] ^= 0xFF
        self._contents.append(bytes(data))
        self._disk.write(self._new_path(machine), bytes(data))

    def rename(self, machine: Machine) -> None:
        if (path := self._a_file(machine)) is not None:
            self._disk.rename(path, self._new_path(machine))

    def rename_folder(self, machine: Machine) -> None:
        folder = machine.root / self._random.choice(_FOLDERS[1:3])
        if folder.is_dir():
            self._disk.rename(folder, machine.root / f"moved{self._random.randrange(10**6)}")

    def delete(self, machine: Machine) -> None:
        if (path := self._a_file(machine)) is not None:
            self._disk.remove(path)

    def edit(self, machine: Machine) -> None:
        """A whole new version at the same path."""
        if (path := self._a_file(machine)) is not None:
            data = make_clip(self._random, self._random.randint(70, 900))
            self._contents.append(data)
            self._disk.write(path, data)

    def edit_in_place(self, machine: Machine) -> None:
        """A few bytes in the middle; the size stays."""
        if (path := self._a_file(machine)) is not None and path.stat().st_size > 70:
            offset = self._random.randrange(64, path.stat().st_size)
            self._disk.overwrite(path, offset, self._random.randbytes(1))

    def truncate(self, machine: Machine) -> None:
        if (path := self._a_file(machine)) is not None:
            self._disk.truncate(path, self._random.randrange(path.stat().st_size + 1))

    def touch(self, machine: Machine) -> None:
        if (path := self._a_file(machine)) is not None:
            self._random.choice([self._disk.touch, self._disk.change_mode])(path)

    def swap(self, machine: Machine) -> None:
        """Two files change places."""
        one, other = self._a_file(machine), self._a_file(machine)
        if one is not None and other is not None and one != other:
            aside = one.with_name("aside.bin")
            self._disk.rename(one, aside)
            self._disk.rename(other, one)
            self._disk.rename(aside, other)

    def junk(self, machine: Machine) -> None:
        self._disk.write(self._new_path(machine), self._random.choice([b"", b"no clip", bytes(300)]))

    def block_sidecar(self, machine: Machine) -> None:
        """A file of theirs at the place of a sidecar; it may take the place of one that was written."""
        path = self._a_file(machine)
        if path is not None:
            self._disk.block(path.with_name(f"{path.name}.tlsync.json"))

    def delete_sidecar(self, machine: Machine) -> None:
        path = self._a_file(machine)
        if path is not None and (sidecar := path.with_name(f"{path.name}.tlsync.json")) not in self._disk.foreign:
            sidecar.unlink(missing_ok=True)

    # What they do with machines

    def unplug(self, machine: Machine) -> None:
        """The drive goes, and leaves nothing, or an empty mount point."""
        if machine in self._unplugged:
            return
        away = machine.root.with_name(f"{machine.root.name}-away")
        machine.root.rename(away)
        self._unplugged[machine] = away
        if self._random.random() < 0.5:
            machine.root.mkdir()

    def plug_in(self, machine: Machine) -> None:
        away = self._unplugged.pop(machine, None)
        if away is not None:
            if machine.root.is_dir():
                for stray in sorted(machine.root.rglob("*"), reverse=True):
                    stray.rmdir() if stray.is_dir() else stray.unlink()
                machine.root.rmdir()
            away.rename(machine.root)

    def restart(self, machine: Machine) -> None:
        if machine.is_running:
            machine.stop()

    def kill(self, machine: Machine) -> None:
        if machine.is_running:
            machine.kill()

    def sleep_long(self, machine: Machine) -> None:
        self._world.kernel.sleep(self._random.choice([400, 3700, 3700, 90_000]))

    def retry(self, machine: Machine) -> None:
        machine.retry()

    # What happens on the platform

    def remove_remotely(self, machine: Machine) -> None:
        """Somebody cleans up in the web console."""
        db = self._world.platform.core.db
        table = self._random.choice(["assets", "indexed_assets"])
        known = "" if table == "indexed_assets" else "AND sha256 IS NOT NULL"
        rows = db.rows(f"SELECT id FROM {table} WHERE deleted_ms IS NULL {known} ORDER BY rowid")
        if rows:
            now_ms = self._world.platform.core.now_ms()
            gone = self._random.choice(rows)["id"]
            db.execute(f"UPDATE {table} SET deleted_ms = ? WHERE id = ?", (now_ms, gone))
            self._world.note("removed remotely", table, gone)

    def let_fail(self, machine: Machine) -> None:
        self._world.platform.faults.fail(self._random.choice(["asset", "indexed_asset"]))

    def expire(self, machine: Machine) -> None:
        self._random.choice([self._world.platform.expire_urls, self._world.platform.expire_sessions])()

    # Choices

    def _pause(self) -> None:
        self._world.kernel.wait(None, self._random.choice(_PAUSES_S) * self._random.uniform(0.5, 1.5))

    def _a_content(self) -> bytes:
        if not self._contents:
            self._contents.append(make_clip(self._random, 333))
        return self._random.choice(self._contents)

    def _a_file(self, machine: Machine) -> Path | None:
        if machine in self._unplugged:
            return None
        files = self._disk.below(machine.root)
        return self._random.choice(files) if files else None

    def _new_path(self, machine: Machine) -> Path:
        root = machine.root
        for _ in range(20):
            path = root / self._random.choice(_FOLDERS) / f"{self._random.choice(_NAMES)}.mp4"
            if path not in self._disk.media:
                return path
        return root / f"clip{self._random.randrange(10**9)}.mp4"
