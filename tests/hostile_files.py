"""Files that are made to do harm: each lies about its size, leads elsewhere, never ends, or carries code."""

from __future__ import annotations

import gzip
import io
import json
import os
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path

import h5py
import numpy as np
from frames_of_ais_1 import Part, simple_frame, write_frame
from keras2_network import Network

from ais.formats.registry import write_volume

Make = Callable[[Path], object]

GIBI = 1 << 30
LINE = 100_000_000


class Payload:
    """Pickles as a call that makes a file called ``escaped`` two folders above."""

    def __reduce__(self) -> object:
        return os.system, ("touch ../../escaped ../escaped escaped",)


# --- archives --------------------------------------------------------------------------------------------------


@cache
def zeros(size: int) -> bytes:
    """So many zeros as raw deflate; made of one part that is repeated, since packing gigabytes takes long."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    part = 1 << 24
    one = packer.compress(bytes(part)) + packer.flush(zlib.Z_FULL_FLUSH)
    return one * (size // part) + packer.flush()


def packed(path: Path, members: Iterable[tuple[str, bytes, int]]) -> None:
    """A zip of members (name, raw deflate, claimed size) whose check sums are wrong."""
    body, directory, count = b"", b"", 0
    for name, data, size in members:
        fields = struct.pack("<HHHHHIIIHH", 20, 0, 8, 0, 0, 0, len(data), size, len(name), 0)
        entry = b"PK\x01\x02" + struct.pack("<H", 20) + fields + struct.pack("<HHHII", 0, 0, 0, 0, len(body))
        directory += entry + name.encode()
        body += b"PK\x03\x04" + fields + name.encode() + data
        count += 1
    end = struct.pack("<HHHHIIH", 0, 0, count, count, len(directory), len(body), 0)
    path.write_bytes(body + directory + b"PK\x05\x06" + end)


def zipped(path: Path, *members: tuple[str, bytes], mode: int = 0o644) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members:
            info = zipfile.ZipInfo(name)
            info.external_attr = mode << 16
            archive.writestr(info, data)


def tar_of(*members: tarfile.TarInfo | tuple[str, bytes]) -> Make:
    def make(path: Path) -> None:
        with tarfile.open(path, "w") as archive:
            for member in members:
                info = member if isinstance(member, tarfile.TarInfo) else tarfile.TarInfo(member[0])
                data = b"" if isinstance(member, tarfile.TarInfo) else member[1]
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))

    return make


def special(name: str, kind: bytes, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.devmajor, info.devminor = kind, link, 1, 5
    return info


def enormous_member(name: str, size: int = 1 << 60) -> Make:
    def make(path: Path) -> None:
        info = tarfile.TarInfo(name)
        info.size = size
        path.write_bytes(info.tobuf(tarfile.GNU_FORMAT) + bytes(4096))

    return make


def long_name(path: Path) -> None:
    """A name of a gigabyte, of which nothing is there."""
    info = tarfile.TarInfo("././@LongLink")
    info.type, info.size = tarfile.GNUTYPE_LONGNAME, GIBI
    path.write_bytes(info.tobuf(tarfile.GNU_FORMAT) + bytes(4096))


def many_members(path: Path) -> None:
    block = tarfile.TarInfo("a").tobuf()
    path.write_bytes(block * 10_000 + bytes(1024))


TAR_TRICKS: dict[str, Make] = {
    "a name above": tar_of(("../../escaped", b"x"), ("../escaped", b"x")),
    "an absolute name": tar_of((f"{os.sep}tmp/ais escaped", b"x")),
    "a soft link": tar_of(special("a_metadata.json", tarfile.SYMTYPE, "/etc/passwd")),
    "a hard link": tar_of(special("metadata.json", tarfile.LNKTYPE, "/etc/passwd")),
    "a device": tar_of(special("metadata.json", tarfile.CHRTYPE)),
    "a pipe": tar_of(special("a_interactions.json", tarfile.FIFOTYPE)),
    "a member of 2^60 bytes": enormous_member("metadata.json"),
    "a network of 2^60 bytes": enormous_member("a_weights.h5"),
    "a name of a gigabyte": long_name,
    "10000 members": many_members,
}
ZIP_TRICKS: dict[str, Make] = {
    "a name above": lambda path: zipped(path, ("../../escaped", b"x"), ("../escaped", b"x")),
    "an absolute name": lambda path: zipped(path, (f"{os.sep}tmp/ais escaped", b"x")),
    "a link": lambda path: zipped(path, ("model.json", b"/etc/passwd"), (".zattrs", b"/etc/passwd"), mode=0o120777),
    "a bomb": lambda path: packed(path, [(name, zeros(4 * GIBI - (1 << 25)), GIBI) for name in ZIP_NAMES]),
    "a bomb that lies": lambda path: packed(path, [(name, zeros(2 * GIBI), 10) for name in ZIP_NAMES]),
    "20000 members": lambda path: packed(path, [(f"{number}", b"\x03\0", 0) for number in range(20_000)]),
    "cut off": lambda path: path.write_bytes(b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, 9, 9, 1 << 31, 1 << 31, 0)),
}
ZIP_NAMES = ("model.json", "rules.json", ".zattrs", ".zgroup", "zarr.json", "a.aism")


def scnm_of(change: Callable[[Network], None]) -> Make:
    def make(path: Path) -> None:
        network = Network()
        network.add("Conv2D", filters=2, kernel_size=[3, 3], activation="relu")
        change(network)
        network.add("Conv2D", filters=1, kernel_size=[1, 1], activation="sigmoid")
        network.write(path)

    return make


# --- volumes ---------------------------------------------------------------------------------------------------


def mrc(changes: dict[int, int], *, size: int = 0) -> Make:
    """A small MRC file with other numbers in its header, and so many bytes behind, which take no place."""

    def make(path: Path) -> None:
        write_volume(path, np.zeros((2, 3, 4), "f4"), voxel_sizes=10.0)
        data = bytearray(path.read_bytes())
        for place, value in changes.items():
            data[place : place + 4] = struct.pack("<i", value)
        path.write_bytes(data)
        if size:
            os.truncate(path, size)

    return make


def gzip_bomb(path: Path) -> None:
    """A few voxels, and behind them 16 GiB."""
    plain = path.with_suffix("")
    write_volume(plain, np.zeros((2, 3, 4), "f4"), voxel_sizes=10.0)
    path.write_bytes(gzip.compress(plain.read_bytes()) + gzip.compress(bytes(1 << 26)) * 256)
    plain.unlink()


def promising_gzip(path: Path) -> None:
    """A header that promises 2^62 bytes."""
    plain = path.with_suffix("")
    mrc({0: 1 << 20, 4: 1 << 20, 8: 1 << 20})(plain)
    path.write_bytes(gzip.compress(plain.read_bytes()))
    plain.unlink()


SHORT, LONG, LONG8, ASCII = 3, 4, 16, 2


def tiff(*directories: list[tuple[int, int, int, int]], data: bytes = b"", big: bool = False, after: int = 0) -> bytes:
    """A TIFF of directories of (tag, type, count, value or place), one after another; the last one leads to `after`."""
    head = 16 if big else 8
    entry, count, place = ("<HHQQ", "<Q", "<Q") if big else ("<HHII", "<H", "<I")
    sizes = [
        struct.calcsize(count) + len(each) * struct.calcsize(entry) + struct.calcsize(place) for each in directories
    ]
    result = b"II+\0\x08\0\0\0" + struct.pack("<Q", head) if big else b"II*\0" + struct.pack("<I", head)
    for number, each in enumerate(directories):
        result += struct.pack(count, len(each)) + b"".join(struct.pack(entry, *fields) for fields in each)
        last = number == len(directories) - 1
        result += struct.pack(place, after if last else head + sum(sizes[: number + 1]))
    return result + data


def page(width: int = 4, height: int = 3, **tags: tuple[int, int, int]) -> list[tuple[int, int, int, int]]:
    """A directory of an image of bytes."""
    known = {"packing": 259, "description": 270, "strips": 273, "samples": 277, "rows": 278, "counts": 279}
    known |= {"bits": 258, "tile_width": 322, "tile_height": 323, "tiles": 324, "tile_counts": 325}
    fields = {256: (LONG, 1, width), 257: (LONG, 1, height), 258: (SHORT, 1, 8), 259: (SHORT, 1, 1), 262: (SHORT, 1, 1)}
    fields |= {
        273: (LONG, 1, 8),
        277: (SHORT, 1, 1),
        278: (LONG, 1, height),
        279: (LONG, 1, min(width * height, 2**31)),
    }
    fields |= {known[name]: value for name, value in tags.items()}
    if "tiles" in tags:
        fields = {tag: value for tag, value in fields.items() if tag not in (273, 278, 279)}
    return [(tag, *value) for tag, value in sorted(fields.items())]


FAR = 1 << 31
ONE = page()
TIFFS: dict[str, bytes] = {
    "2^31 pixels each way": tiff(page(FAR, FAR)),
    "2^31 rows": tiff(page(4, FAR)),
    "2^32 strips": tiff(page(strips=(LONG, 2**32 - 1, 8), counts=(LONG, 2**32 - 1, 8))),
    "2^60 strips": tiff(page(strips=(LONG8, 1 << 60, 8), counts=(LONG8, 1 << 60, 8)), big=True),
    "2^40 tiles": tiff(
        page(
            FAR, FAR, tile_width=(LONG, 1, 16), tile_height=(LONG, 1, 16), tiles=(LONG, 1, 8), tile_counts=(LONG, 1, 8)
        )
    ),
    "tiles of nothing": tiff(
        page(tile_width=(LONG, 1, 0), tile_height=(LONG, 1, 0), tiles=(LONG, 1, 8), tile_counts=(LONG, 1, 8))
    ),
    "a strip outside": tiff(page(strips=(LONG, 1, FAR))),
    "a strip of 2 GiB": tiff(page(counts=(LONG, 1, FAR))),
    "rows of nothing": tiff(page(rows=(LONG, 1, 0))),
    "no bits": tiff(page(bits=(SHORT, 1, 0))),
    "65535 bits": tiff(page(bits=(SHORT, 1, 65535))),
    "65535 samples": tiff(page(samples=(SHORT, 1, 65535))),
    "a directory that is its own next": tiff(ONE, after=8),
    "directories in a circle": tiff(ONE, ONE, ONE, after=8),
    "a directory outside": tiff(ONE, after=FAR),
    "a description of 4 GiB": tiff(page(description=(ASCII, 2**32 - 1, 8))),
    "2^63 tags": b"II+\0\x08\0\0\0" + struct.pack("<QQ", 16, 1 << 63),
    "ImageJ's billion images": tiff(
        page(description=(ASCII, 60, 10 + 12 * 10)),
        data=b"ImageJ=1.54\nimages=1000000000\nslices=1000000000\n".ljust(60, b"\0"),
    ),
    "a strip that unpacks to gigabytes": b"",
}


def deflated_tiff(path: Path) -> None:
    """An image of twelve bytes in a strip that unpacks to gigabytes."""
    strip = b"\x78\xda" + zeros(2 * GIBI)
    head = tiff(page(packing=(SHORT, 1, 8), strips=(LONG, 1, 200), counts=(LONG, 1, len(strip))))
    path.write_bytes(head.ljust(200, b"\0") + strip)


def laughing_tiff(path: Path) -> None:
    """A description in XML whose entities multiply."""
    entities = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 12))
    text = f'<?xml version="1.0"?><!DOCTYPE OME [<!ENTITY a0 "ha">{entities}]><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06">&a11;</OME>'
    data = text.encode() + b"\0"
    path.write_bytes(tiff(page(description=(ASCII, len(data), 8 + 2 + 10 * 12 + 4)), data=data))


def zarr(array: dict[str, object] | None = None, path_of_level: str = "0") -> Make:
    def make(path: Path) -> None:
        (path / "0").mkdir(parents=True)
        axes = [{"name": name, "type": "space", "unit": "angstrom"} for name in "zyx"]
        scale = [{"type": "scale", "scale": [10, 10, 10]}]
        levels = [{"path": path_of_level, "coordinateTransformations": scale}]
        document = {"multiscales": [{"version": "0.4", "axes": axes, "datasets": levels}]}
        (path / ".zgroup").write_text('{"zarr_format": 2}')
        (path / ".zattrs").write_text(json.dumps(document))
        known = {"zarr_format": 2, "shape": [2, 3, 4], "chunks": [2, 3, 4], "dtype": "|u1", "compressor": None}
        known |= {"fill_value": 0, "order": "C", "filters": None, "dimension_separator": "/"}
        (path / "0" / ".zarray").write_text(json.dumps(known | (array or {})))
        (path / "0" / "0" / "0").mkdir(parents=True)
        (path / "0" / "0" / "0" / "0").write_bytes(bytes(24))

    return make


def zarr_circle(path: Path) -> None:
    zarr(path_of_level="1")(path)
    (path / "labels").symlink_to(path, target_is_directory=True)
    (path / "1").symlink_to("2")
    (path / "2").symlink_to("1")


def em(machine: int, dtype: int, *shape: int) -> Make:
    return lambda path: path.write_bytes(bytes([machine, 0, 0, dtype]) + struct.pack("<3i", *shape) + bytes(600))


def hdf_circle(path: Path) -> None:
    with h5py.File(path, "w") as file:
        group = file.create_group("MDF/images/0")
        group["image"] = file["MDF"]


VOLUMES: dict[str, dict[str, Make]] = {
    ".mrc": {
        "2^31 voxels each way": mrc({0: 2**31 - 1, 4: 2**31 - 1, 8: 2**31 - 1}),
        "a negative extent": mrc({0: -4}),
        "an extended header of 2 GB": mrc({92: 2**31 - 1}),
        "an extended header of 2 GB that is there": mrc({92: 2**31 - 1}, size=2**31 + 2000),
        "a negative extended header": mrc({92: -(2**31)}),
        "a row of 2^31": mrc({0: 2**31 - 1, 4: 1, 8: 1}),
    },
    ".mrc.gz": {"a bomb": gzip_bomb, "a promise": promising_gzip},
    ".tif": {
        **{name: lambda path, data=data: path.write_bytes(data) for name, data in TIFFS.items() if data},
        "a strip that unpacks to gigabytes": deflated_tiff,
    },
    ".ome.tif": {"entities that multiply": laughing_tiff},
    ".zarr": {
        "chunks above": zarr({"dimension_separator": "/../../../"}),
        "chunks at the root": zarr({"dimension_separator": "//etc/"}),
        "an enormous chunk": zarr({"shape": [4, 4, 4], "chunks": [1 << 20, 1 << 20, 1 << 20]}),
        "a level above": zarr(path_of_level="../../../etc"),
        "2^60 voxels": zarr({"shape": [1 << 20] * 3, "chunks": [64] * 3}),
        "links in a circle": zarr_circle,
    },
    ".zarr.zip": ZIP_TRICKS,
    ".em": {
        "2^31 voxels each way": em(6, 5, 2**31 - 1, 2**31 - 1, 2**31 - 1),
        "a negative extent": em(6, 5, -4, 3, 2),
        "another type": em(6, 200, 4, 3, 2),
    },
    ".hdf": {"a circle": hdf_circle},
}

# --- coordinates -----------------------------------------------------------------------------------------------

XYZ = "data_\nloop_\n_rlnCoordinateX\n_rlnCoordinateY\n_rlnCoordinateZ\n"


def text(content: str) -> Make:
    return lambda path: path.write_text(content)


def one_line(head: str, part: str, size: int = LINE) -> Make:
    return lambda path: path.write_text(head + part * (size // len(part)))


def imod(*chunks: bytes, objects: int = 1) -> Make:
    head = b"IMODV1.2" + bytes(128 + 12) + struct.pack(">i", objects) + bytes(240 - 8 - 128 - 16)
    return lambda path: path.write_bytes(head + b"".join(chunks) + b"IEOF")


OBJECT = b"OBJT" + bytes(128) + struct.pack(">i", 1) + bytes(176 - 132)
COORDINATES: dict[str, dict[str, Make]] = {
    ".star": {
        "a million columns": text("data_\nloop_\n" + "".join(f"_a{n}\n" for n in range(1_000_000)) + "1 " * 1_000_000),
        "a line of 100 MB": one_line(XYZ, "1 "),
        "a word of 10 MB": one_line(XYZ + "1 2 ", "1", LINE // 10),
        "quotes for 10 MB": one_line(XYZ, "'1' ", LINE // 10),
        "a list that names a device": text("data_\nloop_\n_rlnTomoName\n_rlnTomoImportParticleFile\nT /dev/zero\n"),
        "a set that names itself": text("data_\n_rlnTomoParticlesFile bad.star\n"),
    },
    ".csv": {
        "a million columns": text(",".join(f"a{n}" for n in range(1_000_000)) + "\n"),
        "a quote that never ends": one_line('x,y,z\n"', "1,", LINE // 10),
    },
    ".txt": {"a line of 10 MB": one_line("", "1 ", LINE // 10)},
    ".tsv": {"a line of 10 MB": one_line("", "1\t", LINE // 10)},
    ".tbl": {"a line of 10 MB": one_line("", "1 ", LINE // 10), "a million columns": one_line("", "1 ", 2_000_000)},
    ".cbox": {"a line of 10 MB": one_line("data_cbox\nloop_\n_CoordinateX\n", "1 ", LINE // 10)},
    ".json": {
        "lists in lists": text('{"pickable_object_name": "a", "points": ' + "[" * 1_000_000),
        "a number of a million digits": text(
            f'{{"pickable_object_name": "a", "points": [{{"location": {"9" * 10**6}}}]}}'
        ),
        "infinity": text('{"pickable_object_name": "a", "points": [{"location": {"x": 1e999, "y": 1, "z": NaN}}]}'),
    },
    ".mod": {
        "2^31 points": imod(OBJECT, b"CONT", struct.pack(">4I", 2**31 - 1, 0, 0, 0), bytes(60)),
        "a mesh of 2^32": imod(OBJECT, b"MESH", struct.pack(">4I", 2**32 - 1, 2**32 - 1, 0, 0)),
        "2^31 objects": imod(objects=2**31 - 1),
        "a chunk of 2^32": imod(b"ABCD", struct.pack(">I", 2**32 - 1)),
    },
}

# --- work of Ais 1.x and of Ais --------------------------------------------------------------------------------


def shared_features(path: Path) -> None:
    """Many features, all the same one."""
    one = Part(title="a", colour=(1, 0, 0), slices={}, boxes={})
    write_frame(path, simple_frame("/a.mrc", features=[one] * 300_000))


def laughing_frame(path: Path) -> None:
    """Lists in lists, each ten times the one before."""
    value: list[object] = ["ha"]
    for _ in range(40):
        value = [value] * 10
    write_frame(path, simple_frame("/a.mrc", features=value))


WORK: dict[str, dict[str, Make]] = {
    ".scns": {
        "a payload": lambda path: write_frame(path, simple_frame("/a.mrc", title=Payload())),
        "300000 features": shared_features,
        "lists that multiply": laughing_frame,
        "a text of 2^62 bytes": lambda path: path.write_bytes(b"\x80\x04\x8d" + struct.pack("<Q", 1 << 62) + b"a."),
    },
    ".scnm": {
        **TAR_TRICKS,
        "a Lambda": scnm_of(lambda network: network.add("Lambda", function=["4wEAAAA=", None, None])),
    },
    ".scnmgroup": TAR_TRICKS,
    ".scnt": TAR_TRICKS,
    ".aism": ZIP_TRICKS,
    ".aisgroup": ZIP_TRICKS,
    ".aisproj": {
        "text": text("SQLite format 3\0" + "nonsense" * 1000),
        "nothing": text(""),
    },
}


# --- images of light microscopes -------------------------------------------------------------------------------


def png(width: int, height: int, pixels: bytes, extra: tuple[bytes, bytes] | None = None) -> Make:
    """A grey PNG of bytes, with one more part before its pixels."""

    def part(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    def make(path: Path) -> None:
        head = part(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
        more = part(*extra) if extra else b""
        path.write_bytes(b"\x89PNG\r\n\x1a\n" + head + more + part(b"IDAT", pixels) + part(b"IEND", b""))

    return make


BOMB = b"\x78\xda" + zeros(GIBI)
IMAGES: dict[str, tuple[str, Make]] = {
    "2^31 pixels each way": (".png", png(2**31 - 1, 2**31 - 1, b"")),
    "a gigapixel": (".png", png(40_000, 30_000, BOMB)),
    "pixels that unpack to a gigabyte": (".png", png(4, 3, BOMB)),
    "a text that unpacks to a gigabyte": (".png", png(4, 3, zlib.compress(bytes(15)), (b"zTXt", b"a\0\0" + BOMB))),
    "a profile that unpacks to a gigabyte": (".png", png(4, 3, zlib.compress(bytes(15)), (b"iCCP", b"a\0\0" + BOMB))),
    "no pixels": (".png", png(0, 0, b"")),
    "a JPEG of nothing": (".jpg", lambda path: path.write_bytes(b"\xff\xd8\xff\xe0" + bytes(200))),
    **{f"{name} (TIFF)": (".tif", make) for name, make in VOLUMES[".tif"].items()},
}

# --- things that are no files ----------------------------------------------------------------------------------


def fifo(path: Path) -> None:
    os.mkfifo(path)


def own_link(path: Path) -> None:
    path.symlink_to(path.name)


def link_to(target: str) -> Make:
    return lambda path: path.symlink_to(target)


def folder(path: Path) -> None:
    path.mkdir()


THINGS: dict[str, Make] = {
    "a pipe": fifo,
    "a link to itself": own_link,
    "a link to endless zeros": link_to("/dev/zero"),
    "a folder": folder,
}
ENDINGS = (
    *(".mrc", ".mrc.gz", ".tif", ".em", ".hdf", ".zarr", ".zarr.zip"),
    *(".star", ".csv", ".txt", ".tbl", ".mod", ".cbox", ".json"),
    *(".scns", ".scnm", ".scnmgroup", ".scnt", ".aism", ".aisgroup", ".aisproj"),
)

HOSTILE: dict[str, tuple[str, Make]] = {
    f"{suffix}: {name}": (suffix, make)
    for kinds in (VOLUMES, COORDINATES, WORK)
    for suffix, tricks in kinds.items()
    for name, make in tricks.items()
}
"""What it is: ending of its name, and what makes it."""
