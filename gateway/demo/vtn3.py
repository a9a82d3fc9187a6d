"""A VTN of OpenADR 3.1 as a process of its own. Prints one JSON line with its ``url``; business logic speaks to it as to any other."""

import asyncio
import json

from protocols.openadr3.server import VtnSettings, running


async def main() -> None:
    """Serve until killed."""
    async with running(VtnSettings()) as vtn:
        print(json.dumps({"url": vtn.url}), flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
