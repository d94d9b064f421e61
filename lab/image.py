"""The image of the lab's nodes, made of this machine's own Python and userland: nothing is pulled or compiled.

Two layers: a base with Python, the packages that the nodes import and the commands that people run by `docker exec`
(what StarRocks' own images have of them), and on top the lab's code. Each is tagged by what it is made of, and is
made only when no image of that tag is there.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import inspect
import io
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath

import docker
from docker.errors import ImageNotFound

import lab

HOME = PurePosixPath("/usr/lib/srlab")
PACKAGES = ("boto3", "duckdb", "msgspec", "pymysql", "sqlglot")
COMMANDS = """
bash sh env id whoami hostname uname date sleep timeout true false test [ printf echo tee xargs which getent
ls cat cp mv rm ln mkdir rmdir mktemp touch chmod chown stat du df dd sync truncate readlink realpath basename dirname
head tail wc cut sort uniq tr seq od cmp diff cksum md5sum sha256sum base64 tar gzip gunzip zstd find grep sed awk less
ps pgrep pkill kill top free uptime curl mysql mysqldump tini
"""
# Opened by name while a program runs, so no program's list of libraries has them.
LIBRARIES = ("libgcc_s.so.1", "libstdc++.so.6", "libdl.so.2", "libpthread.so.0", "librt.so.1", "libutil.so.1")
DATA = ("/usr/share/zoneinfo", "/usr/lib/locale/C.utf8", "/etc/ssl/certs/ca-certificates.crt")
LEFT_OUT = {"test", "tests", "idlelib", "tkinter", "turtledemo", "ensurepip", "lib2to3", "site-packages"}
FILES = {
    "etc/passwd": "root:x:0:0:root:/root:/bin/bash\n",
    "etc/group": "root:x:0:\n",
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
}


def node_image(engine: docker.DockerClient) -> str:
    """The tag of an image that runs `python3 -m lab.fe` and `python3 -m lab.be`, made if it is not there."""
    base = f"srlab/base:{_base_hash()}"
    code = {f"lab/{file.relative_to(_code())}": file.read_bytes() for file in sorted(_code().rglob("*.py"))}
    digest = hashlib.sha256(base.encode())
    for name, content in code.items():
        digest.update(name.encode() + b"\0" + content + b"\0")
    tag = f"srlab/node:{digest.hexdigest()[:12]}"
    if not _exists(engine, tag):
        if not _exists(engine, base):
            _import_base(engine, base)
        _add_code(engine, base, tag, code)
    return tag


def _exists(engine: docker.DockerClient, tag: str) -> bool:
    try:
        engine.images.get(tag)
    except ImageNotFound:
        return False
    return True


def _base_hash() -> str:
    """Of all that decides what the base is: this module, the interpreter, the packages, the commands' binaries."""
    parts = [inspect.getsource(sys.modules[__name__]), sys.version, str(_interpreter())]
    parts += [f"{package.name}=={package.version}" for package in _distributions()]
    parts += [f"{path} {path.stat().st_size} {path.stat().st_mtime_ns}" for path in _commands().values()]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]


def _import_base(engine: docker.DockerClient, tag: str) -> None:
    repository, _, version = tag.partition(":")
    path = "PATH /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    changes = [
        f"ENV {path}",
        f"ENV PYTHONPATH {HOME}:{HOME}/site-packages",
        "ENV PYTHONUNBUFFERED 1",
        "ENV LANG C.UTF-8",
        "WORKDIR /opt/starrocks",
    ]
    with tempfile.NamedTemporaryFile(suffix=".tar") as archive:
        with tarfile.open(fileobj=archive, mode="w", dereference=True) as tar:
            _write_base(tar)
        archive.flush()
        engine.api.import_image_from_file(archive.name, repository=repository, tag=version, changes=changes)


def _add_code(engine: docker.DockerClient, base: str, tag: str, code: Mapping[str, bytes]) -> None:
    context = io.BytesIO()
    with tarfile.open(fileobj=context, mode="w") as tar:
        _add_text(
            tar, "Dockerfile", f"FROM {base}\nCOPY lab {HOME}/lab\nRUN python3 -m compileall -q {HOME}/lab\n".encode()
        )
        for name, content in code.items():
            _add_text(tar, name, content)
    context.seek(0)
    engine.images.build(fileobj=context, custom_context=True, tag=tag, rm=True)


def _write_base(tar: tarfile.TarFile) -> None:
    """The root file system: every file at the path that it has here, packages below HOME."""
    for name in ("bin", "sbin", "lib", "lib64"):
        if Path("/", name).is_symlink():
            _add_link(tar, name, str(Path("/", name).readlink()))
    for name, mode in (("tmp", 0o1777), ("root", 0o700), ("opt/starrocks/fe", 0o755), ("opt/starrocks/be", 0o755)):
        _add_directory(tar, name, mode)
    for name, text in FILES.items():
        _add_text(tar, name, text.encode())
    python = _interpreter()
    files = {path: path for path in (python, *_tree(Path(sysconfig.get_path("stdlib"))))}
    files |= {path: path for root in DATA for path in _tree(Path(root))}
    packages = {file: Path(HOME, "site-packages", name) for file, name in _package_files()}
    commands = {path.resolve(): _home_of(path) for path in _commands().values()}
    binaries = [path for path in (*files, *packages, *commands) if _is_elf(path)]
    files |= {library: library for library in _libraries(binaries)}
    for source, target in sorted({**files, **packages}.items()):
        tar.add(source, str(target)[1:], recursive=False, filter=_owned_by_root)
    for target in sorted(set(map(_home_of, _commands().values()))):
        tar.add(target, str(target)[1:], recursive=False, filter=_owned_by_root)
    if python != Path("/usr/bin/python3"):
        _add_link(tar, "usr/bin/python3", str(python))


def _code() -> Path:
    return Path(lab.__file__).parent


def _interpreter() -> Path:
    """The real binary behind the virtual environment."""
    return Path(sys.executable).resolve()


def _commands() -> dict[str, Path]:
    """The commands of COMMANDS that this machine has."""
    found = {name: shutil.which(name, path="/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin") for name in COMMANDS.split()}
    return {name: Path(path) for name, path in found.items() if path is not None}


def _home_of(path: Path) -> Path:
    """The path with links among its directories followed, but not a link at its end: /bin/ls is /usr/bin/ls."""
    return path.parent.resolve() / path.name


def _tree(root: Path) -> Iterator[Path]:
    """The files below a directory that a node may need, or the file itself; links are followed."""
    if root.is_file():
        yield root
    elif root.is_dir():
        for path in sorted(root.iterdir()):
            if path.name not in LEFT_OUT and not path.name.startswith("config-"):
                yield from _tree(path)


def _distributions() -> list[importlib.metadata.Distribution]:
    """PACKAGES and what they need, as installed beside this very code."""
    found: dict[str, importlib.metadata.Distribution] = {}
    wanted = list(PACKAGES)
    while wanted:
        name = wanted.pop()
        if name not in found and (installed := list(importlib.metadata.distributions(name=name))):
            found[name] = installed[0]
            needs = [line for line in installed[0].requires or () if "extra ==" not in line]
            wanted += [re.split(r"[^\w.-]", line, maxsplit=1)[0] for line in needs]
    return [found[name] for name in sorted(found)]


def _package_files() -> Iterator[tuple[Path, str]]:
    """The files of the distributions, with their place in site-packages. Scripts (`../../../bin`) stay here."""
    for distribution in _distributions():
        for file in distribution.files or ():
            path = Path(str(file.locate())).resolve()
            if ".." not in file.parts and path.is_file():
                yield path, str(file)


def _is_elf(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == b"\x7fELF"


def _libraries(binaries: Iterable[Path]) -> set[Path]:
    """The shared libraries that the binaries need, outside of packages, which bring their own."""
    listed = subprocess.run(["ldd", *map(str, binaries)], capture_output=True, text=True, check=False).stdout
    paths = {Path(path) for path in re.findall(r"(/\S+) \(0x", listed)}
    libc = next(path for path in paths if path.name.startswith("libc.so"))
    paths |= {libc.parent / name for name in LIBRARIES}
    return {_home_of(path) for path in paths if "site-packages" not in path.parts and path.exists()}


def _owned_by_root(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = "root"
    return entry


def _add_text(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    tar.addfile(entry, io.BytesIO(content))


def _add_link(tar: tarfile.TarFile, name: str, target: str) -> None:
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname = tarfile.SYMTYPE, target
    tar.addfile(entry)


def _add_directory(tar: tarfile.TarFile, name: str, mode: int) -> None:
    entry = tarfile.TarInfo(name)
    entry.type, entry.mode = tarfile.DIRTYPE, mode
    tar.addfile(entry)
