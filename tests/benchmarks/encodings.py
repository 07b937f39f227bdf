"""How far a page shrinks, and at what CPU: the levels of each encoding, in one process.

curl -s 'http://localhost:8000/api/v2/products?first=100' | python -m tests.benchmarks.encodings
"""

import gzip
import sys
import time
from collections.abc import Callable, Iterator

import brotli
import zstandard

_ROUNDS, _TIMES = 5, 40


def encodings() -> Iterator[tuple[str, Callable[[bytes], bytes]]]:
    """Every level worth a look."""
    for level in range(1, 10):
        yield f"gzip {level}", lambda body, level=level: gzip.compress(body, level)
    for level in range(1, 8):
        yield f"brotli {level}", lambda body, level=level: brotli.compress(body, quality=level)
    for level in range(1, 12):
        yield f"zstd {level}", zstandard.ZstdCompressor(level=level).compress


def cost(compress: Callable[[bytes], bytes], body: bytes) -> float:
    """The CPU seconds of one page, in the best of some rounds."""
    rounds: list[float] = []
    for _ in range(_ROUNDS):
        started = time.process_time()
        for _ in range(_TIMES):
            compress(body)
        rounds.append((time.process_time() - started) / _TIMES)
    return min(rounds)


def main() -> None:
    """Print a table for the body on stdin."""
    body = sys.stdin.buffer.read()
    print(f"| {len(body):,} bytes | Bytes | Shrinks by | CPU µs |\n|---|--:|--:|--:|")
    for name, compress in encodings():
        small = len(compress(body))
        seconds = cost(compress, body)
        print(f"| {name} | {small:,} | {1 - small / len(body):.1%} | {seconds * 1e6:,.0f} |")


if __name__ == "__main__":
    main()
