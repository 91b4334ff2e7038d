"""What users download first: the checksums, the installer and the Homebrew formula."""

from .project import PACKAGING, repository, sha256, version

SYSTEMS = {"darwin": "macos", "linux": "linux"}
PROCESSORS = {"arm64": "arm", "x64": "intel"}


def installer(out):
    """Writes install.sh with the location of the releases."""
    script = (PACKAGING / "install.sh").read_text(encoding="utf-8")
    if repository():
        line = f"releases={repository()}/releases\n"
        if script.count("\nreleases=\n") != 1:
            raise SystemExit("error: install.sh has no line `releases=`")
        script = script.replace("\nreleases=\n", "\n" + line)
    path = out / "install.sh"
    path.write_text(script, encoding="utf-8", newline="\n")
    path.chmod(0o755)


def formula(targets, out):
    """Writes the formula with the checksums of the archives that exist."""
    home = repository() or out.resolve().as_uri()
    base = f"{home}/releases/download/v{version()}" if repository() else home
    lines = []
    for system, block in SYSTEMS.items():
        archives = [target for target in targets if target.npm["os"] == system]
        if not archives:
            continue
        lines.append(f"  on_{block} do")
        for target in archives:
            lines += [
                f"    on_{PROCESSORS[target.npm['cpu']]} do",
                f'      url "{base}/{target.archive}"',
                f'      sha256 "{sha256(out / target.archive)}"',
                "    end",
            ]
        lines += ["  end", ""]
    if not lines:
        print("no formula: there is no archive for macOS or Linux")
        return
    text = (PACKAGING / "mcpo.rb").read_text(encoding="utf-8")
    text = text.replace("# The Homebrew formula. scripts/package replaces the words in @…@.\n", "")
    words = {"HOMEPAGE": home, "VERSION": version(), "PLATFORMS": "\n".join(lines)}
    for word, value in words.items():
        text = text.replace(f"@{word}@", value)
    (out / "mcpo.rb").write_text(text, encoding="utf-8", newline="\n")


def checksums(out):
    """Writes SHA256SUMS of all files of the release."""
    names = ["*.tar.gz", "*.zip", "*.cdx.json", "mcpo-image.tar", "install.sh", "mcpo.rb"]
    files = sorted(path for name in names for path in out.glob(name))
    text = "".join(f"{sha256(path)}  {path.name}\n" for path in files)
    (out / "SHA256SUMS").write_text(text, encoding="utf-8", newline="\n")
