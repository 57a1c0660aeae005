"""What the compiler made: names of global symbols, instructions of the baseline, hardening of the binary."""

import os
import re
import shutil
import subprocess

import pytest
import tree

NAME = re.compile(r"rk_[a-z0-9_]+\Z")
# The linker's own names for wrapped functions, in the one object that wraps them.
WRAPPED = re.compile(r"__wrap_[a-z_]+\Z")
AVX = re.compile(r"\t(v[a-z0-9]+\b.*%[xyz]mm|.*%[yz]mm|.*%k[0-7]\b)")
AVX512 = re.compile(r"\t.*(%zmm|%k[0-7]\b|%[xy]mm(1[6-9]|2[0-9]|3[01])\b)")
TILES = re.compile(r"\t.*%tmm")
LIBRARIES = re.compile(r"(libc|libm|libmicrohttpd|libjansson|libopenblas|libblas|ld-linux-x86-64)\.so(\.[0-9]+)*\Z")


def test_there_is_something_to_check():
    assert len(tree.objects()) > 40


def check_global_symbols_start_with_rk(name):
    for line in tree.run("nm", "-g", "--defined-only", str(tree.BUILD / name)).split("\n"):
        if not line:
            continue
        symbol = line.split()[-1]
        if "heap_wrap" in name and WRAPPED.match(symbol):
            continue
        assert NAME.match(symbol), symbol


def test_global_symbols_start_with_rk():
    tree.check_each(tree.objects(), check_global_symbols_start_with_rk)


def test_no_symbol_twice():
    seen = {}
    for name in tree.objects():
        for line in tree.run("nm", "-g", "--defined-only", str(tree.BUILD / name)).split("\n"):
            if line:
                assert line.split()[-1] not in seen, (line, name, seen[line.split()[-1]])
                seen[line.split()[-1]] = name


def tier(name):
    """amx, avx2, avx512 or None: by the folder of the source, or the library made for it."""
    return next((known for known in ("amx", "avx512", "avx2") if f"/{known}" in name or f"_{known}" in name), None)


def check_instructions_fit_the_tier(name):
    pattern = {None: AVX, "avx2": AVX512, "avx512": TILES, "amx": None}[tier(name)]
    if pattern is None:
        return
    code = tree.run("objdump", "-d", "--no-show-raw-insn", str(tree.BUILD / name))
    found = pattern.search(code)
    assert not found, found.group(0)


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="another processor")
def test_instructions_fit_the_tier():
    tree.check_each(tree.objects(), check_instructions_fit_the_tier)


def test_the_vector_tiers_are_used():
    if os.uname().machine != "x86_64":
        pytest.skip("another processor")
    for wanted, register in (("avx2", "%ymm"), ("avx512", "%zmm"), ("amx", "%tmm")):
        names = [name for name in tree.objects() if tier(name) == wanted]
        assert names
        assert any(register in tree.run("objdump", "-d", str(tree.BUILD / name)) for name in names)


def test_position_independent_executable():
    assert re.search(r"Type:\s+DYN", tree.run("readelf", "-h", str(tree.BINARY)))


def test_relocations_are_read_only():
    assert "GNU_RELRO" in tree.run("readelf", "-lW", str(tree.BINARY))
    dynamic = tree.run("readelf", "-dW", str(tree.BINARY))
    assert re.search(r"BIND_NOW|FLAGS_1.*NOW", dynamic)
    assert "TEXTREL" not in dynamic and "(RPATH)" not in dynamic
    for folder in re.findall(r"Library runpath: \[(.*)\]", dynamic):
        assert folder.startswith("/usr/lib/"), folder  # Debian keeps OpenBLAS's variants in folders of their own


def test_no_memory_is_writable_and_executable():
    for line in tree.run("readelf", "-lW", str(tree.BINARY)).split("\n"):
        assert "RWE" not in line, line
    assert "GNU_STACK" in tree.run("readelf", "-lW", str(tree.BINARY))


def test_stack_protector_and_fortified_calls():
    symbols = tree.run("readelf", "--dyn-syms", "-W", str(tree.BINARY))
    assert "__stack_chk_fail" in symbols
    assert re.search(r"__[a-z]+_chk\b", symbols)
    for banned in ("gets", "strcpy", "strcat", "sprintf", "alloca", "system", "popen", "fork", "setlocale"):
        assert not re.search(rf"\bUND {banned}\b", symbols), banned


def test_linked_libraries():
    found = re.findall(r"NEEDED.*\[(.*)\]", tree.run("readelf", "-dW", str(tree.BINARY)))
    assert found
    for library in found:
        assert LIBRARIES.match(library), library


@pytest.mark.skipif(not shutil.which("qemu-x86_64"), reason="qemu-user is not installed")
@pytest.mark.skipif(os.uname().machine != "x86_64", reason="another processor")
def test_runs_on_a_processor_without_avx():
    """Nehalem knows SSE4.2 and no AVX: every golden answer has to come out right there."""
    folder = tree.ROOT / "tests" / "golden" / "sasrec_mlp" / "1"
    environment = {**os.environ, "OPENBLAS_CORETYPE": "Nehalem"}
    done = subprocess.run(["qemu-x86_64", "-cpu", "Nehalem", str(tree.BINARY), "validate", str(folder)], timeout=120,
                          capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, (done.returncode, done.stdout, done.stderr)
