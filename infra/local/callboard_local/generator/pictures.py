"""Pictures of generations: drawn when they are first asked for, the recent ones kept."""

import asyncio
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor

from callboard_local.generator.generations import Generation
from callboard_local.generator.scenes import draw_scene

# Threads, not processes: a worker process would outlive a killed service, and Pillow draws mostly without the GIL.
THREADS = 2


class Gallery:
    """Draws each picture once, off the event loop."""

    def __init__(self, kept_bytes: int) -> None:
        self._kept_bytes = kept_bytes
        self._bytes = 0
        self._kept: OrderedDict[tuple[str, int], bytes] = OrderedDict()
        self._drawing: dict[tuple[str, int], asyncio.Task[bytes]] = {}
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="draw")

    async def picture(self, generation: Generation, index: int) -> bytes:
        """Return the PNG of one output."""
        key = (generation.id, index)
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        if key not in self._drawing:
            self._drawing[key] = asyncio.create_task(self._draw(key, generation, index))
        return await asyncio.shield(self._drawing[key])

    async def close(self) -> None:
        """Stop drawing."""
        for task in self._drawing.values():
            task.cancel()
        self._pool.shutdown(wait=True, cancel_futures=True)

    async def _draw(self, key: tuple[str, int], generation: Generation, index: int) -> bytes:
        wanted = generation.picture
        try:
            png = await asyncio.get_running_loop().run_in_executor(
                self._pool, draw_scene, wanted.prompt, generation.seed + index, wanted.width, wanted.height
            )
        finally:
            del self._drawing[key]
        self._kept[key] = png
        self._bytes += len(png)
        while self._bytes > self._kept_bytes:
            self._bytes -= len(self._kept.popitem(last=False)[1])
        return png
