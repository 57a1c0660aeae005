"""What `meson install` puts where, and the manual page's generated parts."""

import os
import subprocess

import pytest
import tree

WANTED = ["bin/rankd", "share/man/man8/rankd.8", "share/bash-completion/completions/rankd",
          "share/zsh/site-functions/_rankd", "share/fish/vendor_completions.d/rankd.fish", "share/doc/rankd/LICENSE",
          "share/doc/rankd/NOTICE"]
UNITS = sorted((tree.ROOT / "deploy" / "systemd").glob("rankd*.s[eo][rc]*"))


@pytest.mark.skipif(tree.BINARY != tree.BUILD / "rankd", reason="another build")
def test_install(tmp_path):
    tree.run("meson", "install", "-C", str(tree.BUILD), "--no-rebuild", env={**os.environ, "DESTDIR": str(tmp_path)})
    installed = tmp_path / "usr" / "local"
    found = {str(path.relative_to(installed)) for path in installed.rglob("*") if path.is_file()}
    assert found == {*WANTED, *(f"lib/systemd/system/{unit.name}" for unit in UNITS)}
    for shell, name in (("bash", WANTED[2]), ("zsh", WANTED[3]), ("fish", WANTED[4])):
        assert (installed / name).read_text() == tree.run(str(installed / "bin" / "rankd"), "completion", shell)


def test_the_manual_page_is_what_the_tables_say():
    done = subprocess.run([tree.ROOT / "scripts" / "manual", "--check", str(tree.BINARY)], capture_output=True,
                          text=True, check=False)
    assert done.returncode == 0, done.stderr
