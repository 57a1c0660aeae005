"""The arrows between the areas point down only; third-party headers stand in few places; every header stands alone."""

import subprocess

import tree

# Areas from the lowest to the highest; an area may include itself and what stands before it.
LAYERS = ["model/base", "model/kernels", "model", "loader", "server", "bench", "cli", "tests"]

# Header: the files that may include it, by the beginning of their path.
THIRD_PARTY = {
    "cblas.h": ["model/kernels/dense", "model/layer", "bench/"],
    "microhttpd.h": ["server/http", "tests/unit/server/"],
    "jansson.h": ["loader/json_read", "server/jansson_type", "server/admin_request", "server/settings_file", "tests/",
                  "bench/"],
    "immintrin.h": ["model/kernels/avx2/", "model/kernels/avx512/", "model/kernels/amx/", "model/base/cpu",
                    "loader/sha256_fast", "bench/"],
    "criterion/": ["tests/unit/"],
}
MOST_MICROHTTPD = 12

# Bodies that each kernel tier includes after its own primitives: they stand alone only behind one of these.
TEMPLATES = "model/kernels/vector/"
PRIMITIVES = [f"model/kernels/{tier}/transpose.h" for tier in ("scalar", "avx2", "avx512")]
AVX512_FLAGS = ["-mavx2", "-mfma", "-mavx512f", "-mavx512bw", "-mavx512dq", "-mavx512vl", "-mavx512bf16"]
TIER_FLAGS = {"avx2": ["-mavx2", "-mfma"], "avx512": AVX512_FLAGS,
              "amx": AVX512_FLAGS + ["-mavx512vbmi", "-mamx-tile", "-mamx-bf16", "-mamx-int8"]}


def layer(name):
    return max((area for area in LAYERS if name.startswith(area + "/")), key=len)


ALL = tree.c_files("model", "loader", "server", "bench", "cli", "tests")


def test_there_is_something_to_check():
    assert len(ALL) > 50


def check_own_includes(name):
    own, _ = tree.includes(name)
    for header in own:
        assert (tree.ROOT / header).is_file(), f"{header} is not a path from the root"
        if name.startswith("tests/") and header.startswith("tests/"):
            continue
        assert LAYERS.index(layer(header)) <= LAYERS.index(layer(name)), f"{layer(name)} must not include {header}"


def test_own_includes():
    tree.check_each(ALL, check_own_includes)


def check_third_party_headers(name):
    for header in tree.includes(name)[1]:
        for known, places in THIRD_PARTY.items():
            if header.startswith(known):
                assert name.startswith(tuple(places)), f"{header} has no place here"


def test_third_party_headers():
    tree.check_each(ALL, check_third_party_headers)


def test_third_party_headers_stand_in_few_files():
    for header, most in (("cblas.h", 2), ("microhttpd.h", MOST_MICROHTTPD)):
        users = [name for name in ALL if header in tree.includes(name)[1] and not name.startswith(("tests/", "bench/"))]
        assert len(users) <= most, users


def compile_alone(*headers):
    flags = tree.run("pkg-config", "--cflags", "libmicrohttpd", "jansson").split()
    tier = next((tier for tier in TIER_FLAGS if f"/{tier}/" in headers[0]), None)
    command = ["gcc", "-fsyntax-only", "-std=c11", "-D_GNU_SOURCE", "-I.", *flags, *TIER_FLAGS.get(tier, []),
               "-x", "c", "-"]
    source = "".join(f'#include "{header}"\n' for header in headers)
    done = subprocess.run(command, input=source, cwd=tree.ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr.replace("\n", " ")


def check_header_stands_alone(name):
    if name.startswith(TEMPLATES):
        for primitives in PRIMITIVES:
            compile_alone(primitives, name)
    else:
        compile_alone(name, name)


def headers():
    return [name for name in ALL if name.endswith(".h")]


def test_header_stands_alone():
    tree.check_each(headers(), check_header_stands_alone)


def guard(name):
    """The three preprocessor lines that guard a header."""
    lines = [line for line in tree.text(name).split("\n") if line.startswith("#")]
    assert lines[0].startswith("#ifndef RK_") and lines[1] == lines[0].replace("#ifndef", "#define")
    assert lines[-1].startswith("#endif")
    return lines[0]


def test_header_guards_are_unique():
    guarded = [name for name in headers() if not name.startswith(TEMPLATES)]
    tree.check_each(guarded, guard)
    assert len({guard(name) for name in guarded}) == len(guarded)
