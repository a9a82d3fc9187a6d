"""The far end of charger_poll: every connection is a Terra AC with ready registers, that shows the limit it was told.

Commands on standard input, a line each: `count` answers how many reads and writes came since it was last asked.
"""

import asyncio
import json
import sys
from collections import Counter
from struct import pack_into

from adapters.modbus.frames import Deframer, Read, Registers, Write, Written, decode_request, encode_reply

BASE = 0x400A
LIMIT_NOW = 0x400E
ASKED: Counter[str] = Counter()


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    image = bytearray(44)
    # State C2; 32 A allowed; 10 A on each phase; 230 V; 6,900 W; 1,234 Wh.
    pack_into(">IIIIIIIIIII", image, 0, 0, 0x0400, 32000, 10000, 10000, 10000, 2300, 2300, 2300, 6900, 1234)
    frames = Deframer()
    try:
        while data := await reader.read(4096):
            frames.feed(data)
            while (frame := frames.next_frame()) is not None:
                request = decode_request(frame)
                if isinstance(request, Write):
                    ASKED["writes"] += 1
                    pack_into(">HH", image, 2 * (LIMIT_NOW - BASE), *request.values)
                    writer.write(encode_reply(frame, Written()))
                else:
                    assert isinstance(request, Read)
                    ASKED["reads"] += 1
                    at = 2 * (request.address - BASE)
                    writer.write(encode_reply(frame, Registers(bytes(image[at : at + 2 * request.count]))))
    except ConnectionError:
        pass
    finally:
        writer.close()


async def _main() -> None:
    server = await asyncio.start_server(_serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    loop = asyncio.get_running_loop()
    while await loop.run_in_executor(None, sys.stdin.readline):
        print(json.dumps(dict(ASKED)), flush=True)
        ASKED.clear()


if __name__ == "__main__":
    asyncio.run(_main())
