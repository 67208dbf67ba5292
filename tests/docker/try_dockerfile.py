"""docker/Dockerfile without Docker: its very steps, in Debian roots made with debootstrap.

    python3 tests/docker/try_dockerfile.py [--base FOLDER]       # `make docker-try`; root, minutes

Each stage is a copy of a minimal Debian 12. RUN runs there by chroot, COPY obeys .dockerignore, and
then the image is run as compose.yaml would: its USER, no capability, no new privileges, a read-only
root, /var/lib/sluice as a volume, /tmp in memory, network and processes of its own. What is seen
there is printed. An instruction this file does not know is an error, not skipped.

    build/docker/base     Debian, for the next time
                 STAGE    what the Dockerfile made of it
                 volume   what the running service has written
"""
import argparse
import contextlib
import fnmatch
import json
import os
import pathlib
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time

DOCKERFILE = "docker/Dockerfile"
MIRROR = "http://deb.debian.org"
FOLDER = pathlib.Path(os.environ.get("BUILD", "build"), "docker").absolute()
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
READY_S = 60
EVENT = ('{"transaction_id":"t-%d","account_id":"a-1","amount":950.00,'
         '"timestamp":"2026-01-05T12:00:%02dZ"}')


# ---- the two files ---------------------------------------------------------------------------


def instructions(path):
    """(NAME, rest) of each instruction, lines joined."""
    with open(path, encoding="utf-8") as f:
        lines = [line for line in f.read().splitlines() if not line.lstrip().startswith("#")]
    text = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    return [line.split(maxsplit=1) for line in text.splitlines() if line.strip()]


def matches(pattern, path):
    """Does `pattern` of .dockerignore name this path, or a folder above it?"""
    wanted, parts = pattern.strip("/").split("/"), path.split("/")
    return len(wanted) <= len(parts) and all(map(fnmatch.fnmatchcase, parts, wanted))


def context(root, ignore=".dockerignore"):
    """The files that a build sees, relative to `root`."""
    with open(pathlib.Path(root, ignore), encoding="utf-8") as f:
        patterns = [line.strip() for line in f if line.strip() and not line.startswith("#")]
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if name not in (".git", "build")]
        for name in names:
            path = os.path.relpath(os.path.join(folder, name), root)
            hits = [p for p in patterns if matches(p.removeprefix("!"), path)]
            if not hits or hits[-1].startswith("!"):
                yield path


# ---- building --------------------------------------------------------------------------------


def make_base(base):
    if (base / "etc" / "debian_version").exists():
        return
    print(f"debootstrap into {base}", flush=True)
    subprocess.run(["debootstrap", "--variant=minbase", "bookworm", base, f"{MIRROR}/debian"],
                   check=True, stdout=subprocess.DEVNULL)
    # What the image of the same name has.
    (base / "etc/apt/sources.list").write_text(
        f"deb {MIRROR}/debian bookworm main\ndeb {MIRROR}/debian bookworm-updates main\n"
        f"deb {MIRROR}/debian-security bookworm-security main\n", encoding="utf-8")


class Image:
    """A stage: a root, and what the instructions said of it."""

    def __init__(self, name, base):
        self.name, self.root = name, FOLDER / name
        self.folder, self.arguments, self.settings = "/", {}, {}
        shutil.rmtree(self.root, ignore_errors=True)
        subprocess.run(["cp", "-a", base, self.root], check=True)
        shutil.copy("/etc/resolv.conf", self.root / "etc/resolv.conf")

    def inside(self, path):
        return self.root / os.path.join(self.folder, path).lstrip("/")

    def run(self, rest):
        """A shell in the root, which has /proc and the files that --mount names."""
        mounts = []
        while rest.startswith("--mount="):
            option, rest = rest.split(maxsplit=1)
            fields = dict(f.split("=", 1) for f in option.removeprefix("--mount=").split(","))
            if fields.get("type") != "bind" or set(fields) != {"type", "source", "target"}:
                sys.exit(f"{DOCKERFILE}: this mount is not known here: {option}")
            if fields["source"] not in context("."):
                sys.exit(f"{DOCKERFILE}: .dockerignore keeps out {fields['source']}")
            mounts.append((os.path.abspath(fields["source"]), self.inside(fields["target"])))
        script = ["set -e", f"mount -t proc proc {self.root}/proc"]
        for source, target in mounts:
            target.touch()
            script.append(f"mount --bind {source} {target}")
        script.append(f"cd {self.inside('')} && exec chroot {self.root} /usr/bin/env -i"
                      f" PATH={PATH} HOME=/root /bin/sh -c"
                      f" {shlex.quote(f'cd {self.folder} && {rest}')}")
        done = subprocess.run(["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c",
                               "\n".join(script)], capture_output=True, text=True, check=False)
        for _, target in mounts:
            target.unlink()
        for line in (done.stdout + done.stderr).splitlines()[-4:]:
            print(f"    {line[:160]}")
        if done.returncode != 0:
            sys.exit(f"exit {done.returncode}\n{done.stdout}{done.stderr}")

    def copy(self, rest, stages):
        *sources, target = rest.split()
        origin = None
        if sources[0].startswith("--from="):
            origin = stages[sources.pop(0).removeprefix("--from=")].root
        for source in sources:
            self.copy_one(source, target, origin)

    def copy_one(self, source, target, origin):
        to = self.inside(target)
        if origin is not None:
            to.parent.mkdir(parents=True, exist_ok=True)
            subprocess.run(["cp", "-a", origin / source.lstrip("/"), to], check=True)
            return
        found = [p for p in context(".") if source in (".", p) or p.startswith(f"{source}/")]
        if not found:
            sys.exit(f"{DOCKERFILE}: COPY {source}: there is none, or .dockerignore keeps it out")
        for path in found:
            place = to if path == source else to / os.path.relpath(path, source)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, place)
        print(f"    {len(found)} files")


def expand(text, arguments):
    return re.sub(r"\$\{(\w+)\}", lambda m: arguments.get(m[1], ""), text)


def build(base):
    """Every instruction, in order; answers the last stage."""
    stages, image, arguments = {}, None, {}
    for name, rest in instructions(DOCKERFILE):
        print(f"[{image.name if image else '-'}] {name} {rest[:130]}", flush=True)
        rest = rest if name == "RUN" else expand(rest, arguments)
        if name == "ARG":
            key, _, value = rest.partition("=")
            arguments.setdefault(key, value)
        elif name == "FROM":
            words = rest.split()
            image = Image(words[2] if len(words) == 3 else "image", base)
            stages[image.name] = image
        elif name == "WORKDIR":
            image.folder = rest
            image.inside("").mkdir(parents=True, exist_ok=True)
        elif name == "RUN":
            image.run(rest)
        elif name == "COPY":
            image.copy(rest, stages)
        elif name in ("LABEL", "USER", "EXPOSE", "STOPSIGNAL"):
            image.settings[name] = rest
        elif name in ("VOLUME", "ENTRYPOINT", "CMD"):
            image.settings[name] = json.loads(rest)
        elif name == "HEALTHCHECK":
            image.settings[name] = json.loads(rest[rest.index("CMD") + 3:])
        else:
            sys.exit(f"{DOCKERFILE}: {name} is not known here")
    return image


# ---- running ---------------------------------------------------------------------------------


class Container:
    """The image, run as compose.yaml has it. Loopback is its own."""

    def __init__(self, image, volume):
        self.image = image
        root, (folder,) = image.root, image.settings["VOLUME"]
        uid, gid = image.settings["USER"].split(":")
        self.user = ["setpriv", f"--reuid={uid}", f"--regid={gid}", "--clear-groups",
                     "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs"]
        command = [*self.user, *image.settings["ENTRYPOINT"], *image.settings["CMD"]]
        script = f"""set -e
            ip link set lo up
            mount --bind {root} {root}
            mount -t proc proc {root}/proc
            mount -t tmpfs -o size=16m tmpfs {root}/tmp
            mount --bind {volume} {root}{folder}
            mount -o remount,bind,ro {root}
            cd {root}
            exec chroot {root} /usr/bin/env -i PATH={PATH} {shlex.join(command)}"""
        self.log = open(FOLDER / "log", "a+b")
        self.shell = subprocess.Popen(
            ["unshare", "--mount", "--pid", "--net", "--fork", "sh", "-c", script],
            stdout=self.log, stderr=self.log)
        self.pid = self.first_process()

    def first_process(self):
        """Number 1 inside, as it is known outside: it takes the signals."""
        children = f"/proc/{self.shell.pid}/task/{self.shell.pid}/children"
        until = time.monotonic() + READY_S
        while time.monotonic() < until and self.shell.poll() is None:
            pids = pathlib.Path(children).read_text(encoding="ascii").split()
            if pids:
                return int(pids[0])
            time.sleep(0.01)
        sys.exit("the container did not start")

    def tell(self, command, user=True):
        """A command inside, as `docker exec`; exit status and what it said."""
        done = subprocess.run(
            ["nsenter", f"--target={self.pid}", "--mount", "--net", "--pid", "--root", "--wd=/",
             "/usr/bin/env", "-i", f"PATH={PATH}", *(self.user if user else []), *command],
            capture_output=True, text=True, check=False)
        return done.returncode, (done.stdout + done.stderr).strip()

    def wait_healthy(self):
        until = time.monotonic() + READY_S
        while self.tell(self.image.settings["HEALTHCHECK"])[0] != 0:
            if time.monotonic() > until or self.shell.poll() is not None:
                self.log.seek(0)
                sys.exit(f"not healthy: {self.log.read().decode()}")
            time.sleep(0.1)

    def ask(self, path, *arguments):
        """curl of this machine, in the network of the container."""
        return subprocess.run(
            ["nsenter", f"--target={self.pid}", "--net", "curl", "-sS", *arguments,
             f"http://127.0.0.1:8080{path}"], capture_output=True, text=True, check=True).stdout

    def status(self):
        with open(f"/proc/{self.pid}/status", encoding="ascii") as f:
            return dict(line.rstrip("\n").split(":\t", 1) for line in f)

    def stop(self):
        os.kill(self.pid, getattr(signal, self.image.settings["STOPSIGNAL"]))
        return self.shell.wait(READY_S)

    def kill(self):
        if self.shell.poll() is None:
            os.kill(self.pid, signal.SIGKILL)
            self.shell.wait()
        self.log.close()


@contextlib.contextmanager
def container(image, volume):
    c = Container(image, volume)
    try:
        yield c
    finally:
        c.kill()


seen = []


def see(what, good, found):
    seen.append(bool(good))
    print(f"{'ok' if good else 'not ok'} {what}: {found}", flush=True)


def make_volume(image):
    """A new one has owner and mode of the folder that it hides."""
    volume, place = FOLDER / "volume", image.root / image.settings["VOLUME"][0].lstrip("/")
    shutil.rmtree(volume, ignore_errors=True)
    subprocess.run(["cp", "-a", place, volume], check=True)
    return volume


def look_inside(c):
    status = c.status()
    see("the user", status["Uid"].split() == ["10001"] * 4, f"uid {status['Uid']}")
    see("no capability", all(int(status[f"Cap{x}"], 16) == 0 for x in ("Eff", "Prm", "Bnd")),
        f"CapEff {status['CapEff']}, CapBnd {status['CapBnd']}, NoNewPrivs {status['NoNewPrivs']}")
    for user in (True, False):
        code, said = c.tell(["touch", "/etc/x", "/usr/local/bin/x", "/x"], user)
        see(f"root file system is read-only for {'the user' if user else 'root'}",
            code != 0 and said.count("Read-only file system") == 3, said.splitlines()[0])
    code, said = c.tell(["sh", "-c", "ldd /usr/local/bin/sluice; which gcc make curl python3"])
    see("every library, no compiler", "not found" not in said and "/bin/" not in said,
        f"{said.count('=>')} libraries")


def score(c):
    return [json.loads(c.ask("/v1/score", "-H", "Content-Type: application/json", "-d",
                             EVENT % (i, i)))["decision"] for i in range(1, 12)]


def run(image):
    volume = make_volume(image)
    with container(image, volume) as c:
        c.wait_healthy()
        code, _ = c.tell(image.settings["HEALTHCHECK"])
        see("health check", code == 0, f"exit {code}")
        code, said = c.tell(["env", "SLUICE_LISTEN=0.0.0.0:81", *image.settings["HEALTHCHECK"]])
        see("health check where nobody listens", code != 0, f"exit {code}")
        look_inside(c)
        decisions = score(c)
        see("eleven payments", decisions == ["allow"] * 10 + ["flag"], decisions[-1])
        first = c.ask("/v1/decisions/t-11")
        see("the end", (code := c.stop()) == 0, f"exit {code} after {image.settings['STOPSIGNAL']}")
    with container(image, volume) as c:
        c.wait_healthy()
        again = c.ask("/v1/decisions/t-11")
        see("what the volume kept", again == first, again[:100])
        c.stop()
    files = sorted(str(p.relative_to(volume)) for p in volume.rglob("*") if p.is_file())
    see("all it wrote", files, " ".join(files))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--base", type=pathlib.Path, default=FOLDER / "base",
                        help="a Debian 12 made by debootstrap; made where it is missing")
    arguments = parser.parse_args()
    if os.geteuid() != 0 or shutil.which("debootstrap") is None:
        sys.exit("try_dockerfile.py: needs root and debootstrap")
    FOLDER.mkdir(parents=True, exist_ok=True)
    make_base(arguments.base)
    image = build(arguments.base)
    size = subprocess.run(["du", "-sm", image.root], capture_output=True, text=True, check=True)
    print(f"the image has {size.stdout.split()[0]} MB; Debian alone is most of it")
    run(image)
    print(f"{sum(seen)} passed, {len(seen) - sum(seen)} failed")
    return not all(seen)


if __name__ == "__main__":
    sys.exit(main())
