"""A WebRTC client made of aiortc and FFmpeg: drags a volume and tells what it saw, as JSON.

usage: webrtc_peer.py WS_URL SERIES_INSTANCE_UID WIDTH HEIGHT FOLDER [relay]

Writes the planes of the last picture of the track before the view came to rest to FOLDER/picture.yuv, and the view at
rest, pixel by pixel, to FOLDER/rested.rgb. With `relay` nothing goes but through the TURN server that the session names.
"""

import asyncio
import json
import struct
import sys

import aioice
import aiortc.mediastreams
import aiortc.rtcrtpreceiver
import av
import websockets
from aiortc import RTCConfiguration, RTCIceServer, RTCPeerConnection, RTCSessionDescription

# aiortc counts time from the first picture; notes name pictures by the clock of RTP.
aiortc.rtcrtpreceiver.TimestampMapper.map = lambda self, timestamp: timestamp

HEADER = struct.Struct("<4sBBBBHHIQQIII")


class Peer:
    def __init__(self, socket, size, config):
        self.socket, self.size, self.seq = socket, size, 1000
        self.pc = RTCPeerConnection(config)
        self.commands = self.pc.createDataChannel("commands")
        self.moves = self.pc.createDataChannel("moves", ordered=False, maxRetransmits=0)
        self.message, self.notes, self.pictures, self.frames = b"", {}, [], []
        self.canvas = bytearray(size[0] * size[1] * 3)
        self.lossless = asyncio.Event()
        self.changed = asyncio.Event()
        self.open = [asyncio.Event(), asyncio.Event()]
        for channel, opened in zip((self.commands, self.moves), self.open):
            channel.on("open", opened.set)
        self.commands.on("message", self.on_command)
        self.moves.on("message", self.on_note)
        self.pc.on("track", lambda track: asyncio.ensure_future(self.watch(track)))

    def say(self, channel, message):
        self.seq += 1
        channel.send(json.dumps({**message, "seq": self.seq}))

    def acknowledge(self, view, frame):
        for channel in (self.moves, self.commands):
            self.say(channel, {"type": "ack", "view": view, "frame": frame})

    def on_note(self, note):
        for at in range(0, len(note), 48):
            (time,) = struct.unpack_from("<I", note, at)
            self.notes[time] = HEADER.unpack_from(note, at + 4)
        self.changed.set()

    def on_command(self, piece):
        self.message += piece[1:]
        if not piece[0] & 1:
            return
        message, self.message = self.message, b""
        if piece[0] & 2:
            return
        header = HEADER.unpack_from(message)
        _, codec, kind, view, flags, _, _, frame, *_ = header
        self.frames.append({"codec": codec, "kind": kind})
        self.acknowledge(view, frame)
        at = HEADER.size
        while at < len(message):
            x, y, w, h, length = struct.unpack_from("<HHHHI", message, at)
            at += 12
            if codec == 2:
                self.paint(x, y, w, h, message[at : at + length])
            at += length
        if kind == 2:
            self.lossless.set()

    def paint(self, x, y, w, h, png):
        decoder = av.CodecContext.create("png", "r")
        (picture,) = decoder.decode(av.packet.Packet(png))
        rows = picture.to_ndarray(format="rgb24")
        for row in range(h):
            start = ((y + row) * self.size[0] + x) * 3
            self.canvas[start : start + w * 3] = rows[row].tobytes()

    async def watch(self, track):
        while True:
            try:
                picture = await track.recv()
            except aiortc.mediastreams.MediaStreamError:
                return
            while picture.pts & 0xFFFFFFFF not in self.notes:
                self.changed.clear()
                await self.changed.wait()
            header = self.notes[picture.pts & 0xFFFFFFFF]
            self.pictures.append((header, picture))
            self.acknowledge(header[3], header[7])
            self.changed.set()

    def move(self, x):
        self.say(self.moves, {"type": "pointer", "view": 0, "kind": "move", "x": x, "y": 50})
        return self.seq

    async def drag_to(self, x):
        """Moves the pointer and waits for a picture that shows it."""
        wanted = self.move(x)
        while not self.pictures or self.pictures[-1][0][8] < wanted:
            self.changed.clear()
            try:
                await asyncio.wait_for(self.changed.wait(), 0.1)
            except asyncio.TimeoutError:
                # aiortc shows a picture when the next one begins.
                x += 0.001
                self.move(x)


async def connected(socket):
    while True:
        message = await socket.recv()
        if isinstance(message, str) and (message := json.loads(message))["type"] == "connected":
            return message


async def main(url, series, width, height, folder, relay):
    size = (int(width), int(height))
    async with websockets.connect(url, subprotocols=["voxcast.v1"]) as socket:
        servers = (await connected(socket))["iceServers"]
        seq = 0

        async def say(message):
            nonlocal seq
            seq += 1
            await socket.send(json.dumps({**message, "seq": seq}))

        async def text_of(kind):
            while True:
                message = await asyncio.wait_for(socket.recv(), 20)
                if not isinstance(message, str):
                    _, _, _, view, _, _, _, frame, *_ = HEADER.unpack_from(message)
                    await say({"type": "ack", "view": view, "frame": frame})
                elif (message := json.loads(message))["type"] == kind:
                    return message
                elif message["type"] == "error":
                    raise RuntimeError(message["message"])

        await say({"type": "accept", "codecs": ["png"]})
        await say({"type": "openSeries", "seriesInstanceUid": series})
        await say({"type": "layout", "views": [{"view": 0, "content": "volume", "size": size}]})
        await text_of("seriesOpened")
        ice = [RTCIceServer(**server) for server in servers]
        peer = Peer(socket, size, RTCConfiguration(iceServers=ice if relay else []))
        peer.pc.addTransceiver("video", direction="recvonly")
        await peer.pc.setLocalDescription(await peer.pc.createOffer())
        sdp = peer.pc.localDescription.sdp
        if relay:
            # aiortc has no such policy: its own addresses are neither told nor used.
            sdp = "".join(
                line for line in sdp.splitlines(True) if "a=candidate:" not in line or " typ relay" in line
            )
            keep_relays(peer.pc)
        mid = peer.pc.getTransceivers()[0].mid
        await say({"type": "offer", "sdp": sdp, "tracks": [{"mid": mid, "view": 0}]})
        answer = (await text_of("answer"))["sdp"]
        await peer.pc.setRemoteDescription(RTCSessionDescription(answer, "answer"))
        for opened in peer.open:
            await asyncio.wait_for(opened.wait(), 20)
        await say({"type": "transport", "transport": "webrtc"})
        await asyncio.wait_for(peer.lossless.wait(), 20)

        peer.say(peer.commands, {"type": "pointer", "view": 0, "kind": "press", "button": "left", "x": 50, "y": 50})
        for step in range(1, 31):
            await peer.drag_to(50 + step)
        header, picture = peer.pictures[-1]
        peer.lossless.clear()
        await asyncio.wait_for(peer.lossless.wait(), 20)
        with open(f"{folder}/picture.yuv", "wb") as file:
            for plane, rows in zip(picture.planes, (picture.height, picture.height // 2, picture.height // 2)):
                data = memoryview(plane)
                for row in range(rows):
                    file.write(data[row * plane.line_size : row * plane.line_size + plane.width])
        with open(f"{folder}/rested.rgb", "wb") as file:
            file.write(peer.canvas)
        pair = nominated(peer.pc)
        print(
            json.dumps(
                {
                    "pictures": len(peer.pictures),
                    "size": [picture.width, picture.height],
                    "frames": peer.frames,
                    "way": pair.local_candidate.type,
                }
            )
        )
        await peer.pc.close()


def connections(pc):
    transports = {t.receiver.transport.transport for t in pc.getTransceivers()} | {pc.sctp.transport.transport}
    return [transport.iceGatherer._connection for transport in transports]


def keep_relays(pc):
    for connection in connections(pc):
        for protocol in list(connection._protocols):
            if not isinstance(protocol.local_candidate, aioice.Candidate) or protocol.local_candidate.type != "relay":
                connection._protocols.remove(protocol)


def nominated(pc):
    return next(iter(connections(pc)[0]._nominated.values()))


asyncio.run(main(*sys.argv[1:6], "relay" in sys.argv[6:]))
