# SPDX-License-Identifier: MIT
"""The archive writer: readable by others, aligned, the same twice."""
import subprocess

import pytest
from stubimage import cpio


def files(*sizes):
    return [cpio.file(f"d{i}/f{i}", bytes([i % 251]) * n) for i, n in enumerate(sizes)]


def test_entries_come_back():
    entries = [cpio.file("init", b"#!agent", 0o755), cpio.char_device("dev/null", 1, 3, 0o666)]
    got = [(e.name, e.mode, e.data, e.rdev) for _, e in cpio.read(cpio.write(entries))]
    assert got == [("dev", 0o40755, b"", (0, 0)), ("dev/null", 0o20666, b"", (1, 3)),
                   ("init", 0o100755, b"#!agent", (0, 0))]


@pytest.mark.parametrize("first", [0, 1, 3, 4, 3700, 3900, 3970, 3980, 3984, 3990, 4090, 4095])
def test_large_files_are_page_aligned(first):
    archive = cpio.write(files(first, 4096, 4095, 10000, 70000))
    large = [at for at, e in cpio.read(archive) if len(e.data) >= cpio.PAGE]
    assert len(large) == 3
    assert [at % cpio.PAGE for at in large] == [0, 0, 0]
    assert len(archive) % cpio.PAGE == 0


def test_no_name_field_is_longer_than_linux_reads():
    for first in range(0, 4096, 4):
        archive = cpio.write([cpio.file("a", bytes(first)), cpio.file("b" * 200, bytes(4096))])
        at = 0
        for begin, entry in cpio.read(archive):
            assert int(archive[at + 94:at + 102], 16) <= cpio.NAME_MAX
            end = begin + len(entry.data)
            at = end + -end % 4


def test_gnu_cpio_unpacks_it(tmp_path):
    entries = files(10, 4096, 3900, 5000, 100000)
    archive = cpio.write(entries)
    names = subprocess.run(["cpio", "-it", "--quiet"], input=archive, check=True,
                           stdout=subprocess.PIPE).stdout.decode().split()
    assert set(names) >= {e.name for e in entries}
    subprocess.run(["cpio", "-idm", "--quiet"], input=archive, check=True, cwd=tmp_path)
    for entry in entries:
        assert (tmp_path / entry.name).read_bytes() == entry.data


def test_same_bytes_in_any_order():
    entries = files(5, 6000, 7)
    assert cpio.write(entries) == cpio.write(entries[::-1])


def test_a_name_twice_is_refused():
    with pytest.raises(cpio.CpioError, match="twice"):
        cpio.write([cpio.file("a", b""), cpio.file("a", b"x")])


def test_damage_is_noticed():
    archive = cpio.write(files(10000))
    with pytest.raises(cpio.CpioError, match="cut off"):
        list(cpio.read(archive[:9000]))
    with pytest.raises(cpio.CpioError, match="no newc header"):
        list(cpio.read(b"x" + archive))
