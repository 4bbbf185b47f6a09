"""A client of the plain protocol made of websockets and FFmpeg: turns a volume and tells what it saw, as JSON.

usage: ws_peer.py WS_URL TOKEN
"""

import asyncio
import json
import sys

import av
import websockets

PATIENCE_S = 30


def picture(jpeg):
    """The size and the brightnesses of a JPEG."""
    decoder = av.CodecContext.create("mjpeg", "r")
    (frame,) = decoder.decode(av.Packet(jpeg))
    grey = frame.reformat(format="gray")
    plane = grey.planes[0]
    rows = bytes(plane)
    step = plane.line_size
    return [frame.width, frame.height], b"".join(rows[y * step : y * step + frame.width] for y in range(frame.height))


def difference(a, b):
    return sum(abs(x - y) for x, y in zip(a[1], b[1])) / len(a[1])


async def status_without(url):
    """What the server answers to a client without the token."""
    try:
        async with websockets.connect(url):
            return 101
    except websockets.exceptions.InvalidStatusCode as refused:
        return refused.status_code


async def main(url, token):
    told = {"withoutToken": await status_without(url)}
    headers = {"Authorization": f"Bearer {token}"}
    async with websockets.connect(url, extra_headers=headers, max_size=None) as socket:

        async def say(**message):
            await socket.send(json.dumps(message))

        async def text():
            message = await asyncio.wait_for(socket.recv(), PATIENCE_S)
            assert isinstance(message, str), "text is due, not a picture"
            return json.loads(message)

        async def shown():
            message = await asyncio.wait_for(socket.recv(), PATIENCE_S)
            assert isinstance(message, bytes), f"a picture is due, not {message}"
            return picture(message)

        async def mouse(kind, x, **more):
            await say(action="mouse", type=kind, x=x, y=80, button=0, **more)

        told["connected"] = sorted(await text())
        await say(action="render")
        told["early"] = (await text())["type"]
        await say(action="loadStudy", path="")
        told["studyLoaded"] = (await text())["studyId"]
        first = await shown()
        told["size"] = first[0]

        # A hand moves on whether or not pictures come: there is one for each step at most, and one for letting go.
        await mouse("mousedown", 100)
        moved = []
        for x in range(104, 164, 4):
            await mouse("mousemove", x)
            moved.append(await shown())
        told["steps"] = [difference(a, b) for a, b in zip([first, *moved], moved)]
        await mouse("mouseup", 160)
        rested = await shown()
        told["released"] = difference(moved[-1], rested)
        await mouse("mousedown", 160)
        await mouse("mousemove", 100)
        await shown()
        await mouse("mouseup", 100)
        told["back"] = difference(first, await shown())

        await say(action="wheel")
        told["wrong"] = (await text())["type"]
        await socket.send("{")
        told["garbage"] = (await text())["type"]
        await say(action="preset", preset="none of them")
        told["unknown"] = (await text())["type"]
        await say(action="content", content="axial")
        told["slice"] = difference(first, await shown())
        await say(action="windowLevel", window=200, level=600)
        await shown()
        await say(action="content", content="volume")
        await shown()
        await say(action="reset")
        told["reset"] = difference(first, await shown())
    print(json.dumps(told))


asyncio.run(main(*sys.argv[1:]))
