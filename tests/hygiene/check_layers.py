# SPDX-License-Identifier: Apache-2.0
"""Arrows point one way: simd <- engine <- io, input <- tools, examples. Checks every #include of every C++ file.

    check_layers.py SOURCE_ROOT
"""

import re
import sys
from pathlib import Path, PurePath

from source_tree import cpp_files, report

PARTS = ["simd", "engine", "input", "io"]   # from the bottom up; the last two do not know each other
ALL_OF_IT = "io/include/varscope/varscope.hpp"   # includes every other header that users see

# Whose public headers (<varscope/...>) a folder may include.
VISIBLE_PARTS = {
    "simd": {"simd"},
    "engine": {"simd", "engine"},
    "input": {"engine", "input"},
    "io": {"engine", "io"},
    "tools": set(PARTS),
    "examples": {"io"},
    "perf": set(PARTS),
    "tests": set(PARTS),
}

# Whose private headers a folder may include besides its own: benchmarks and tests look inside.
PRIVATE_FOLDERS = {
    "perf": ["tools", *PARTS],
    "tests": PARTS,
}

# Third-party headers: how their names begin, and the only places that may include them.
THIRD_PARTY = {
    r"xsimd/": ["simd/**", "tests/simd/**"],
    r"(oneapi/)?tbb(/|\.h)": ["engine/runtime/*.cpp", "tools/**", "perf/**", "tests/**"],
    r"(hdf5|H5\w*)\.h": ["io/*.cpp", "io/*/*.cpp", "tests/io/**"],
    r"boost/": ["tests/**"],
    r"relacy/": ["tests/engine/schedules/**"],
    r"CLI/": ["tools/**", "examples/**"],
    r"nlohmann/": ["tools/**"],
    r"png\.h": ["examples/**", "tests/examples/**"],
    r"zlib\.h": ["input/file_content.cpp", "io/*.cpp", "tools/**", "tests/examples/**", "tests/input/**",
                 "tests/io/test_fuzz_corpus.cpp"],
    r"benchmark/": ["perf/**"],
    r"(oneapi/dnnl/)?dnnl": ["tools/**", "perf/**"],
}

# POSIX and compiler headers, for the few places that talk to the system.
SYSTEM = {
    r"(unistd|fcntl|fnmatch|dirent|pthread|sched|spawn)\.h|sys/\w+\.h|linux/\w+\.h":
        ["input/input_file.cpp", "io/**", "simd/cpu*.cpp", "tools/**", "examples/**", "perf/**", "tests/**"],
    r"(cpuid|immintrin|arm_neon)\.h": ["simd/**", "tests/simd/**"],
    r"ucontext\.h": ["tests/support/schedule/**"],
    r"(cxxabi|dlfcn|signal)\.h": ["engine/**", "tests/**", "tools/**"],
    r"sanitizer/\w+\.h": ["engine/**", "tests/**"],
}

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
STANDARD = re.compile(r"[a-z_0-9]+")   # C++ standard headers have no suffix


def matches(path, patterns):
    """Like PurePath.match, but `folder/**` is everything below the folder."""
    for pattern in patterns:
        if pattern.endswith("/**"):
            if path.as_posix().startswith(pattern[:-2]):
                return True
        elif path.match(pattern) and len(path.parts) == len(PurePath(pattern).parts):
            return True
    return False


def is_public_header(path):
    return len(path.parts) > 2 and path.parts[1] == "include"


def part_of_header(root, name):
    for part in PARTS:
        if (root / part / "include" / name).is_file():
            return part
    return None


def problem_with(root, path, quote, name):
    folder = path.parts[0]
    if name.startswith("varscope/"):
        if quote == '"':
            return "public headers are included with <>"
        part = part_of_header(root, name)
        if part is None:
            return "no such public header"
        if part not in VISIBLE_PARTS[folder] and path.as_posix() != ALL_OF_IT:
            return f"{folder} may not include headers of {part}"
        if folder == "examples" and name != "varscope/varscope.hpp":
            return "examples include <varscope/varscope.hpp> only"
        return None
    if quote == '"':
        if is_public_header(path):
            return "a public header may not include a private one"
        folders = [root / name for name in (folder, *PRIVATE_FOLDERS.get(folder, []))]
        if any((place / name).is_file() for place in [root / path.parent, *folders]):
            return None
        return f"no such private header in {folder}"
    for table in (THIRD_PARTY, SYSTEM):
        for pattern, allowed in table.items():
            if re.match(pattern, name):
                if is_public_header(path):
                    return "public headers include the standard library and varscope only"
                return None if matches(path, allowed) else f"allowed only in {', '.join(allowed)}"
    if STANDARD.fullmatch(name):
        return None
    return "unknown header; if it belongs here, name it in check_layers.py"


def main():
    root = Path(sys.argv[1])
    problems = []
    count = 0
    for path in cpp_files(root):
        if path.parts[0] not in VISIBLE_PARTS or path.parts[:2] == ("tests", "consumer"):
            continue
        for number, line in enumerate((root / path).read_text(encoding="utf-8").splitlines(), 1):
            found = INCLUDE.match(line)
            if found:
                count += 1
                problem = problem_with(root, path, *found.groups())
                if problem:
                    problems.append(f"{path}:{number}: {found.group(2)}: {problem}")
    report(problems, f"{count} includes")


if __name__ == "__main__":
    main()
