import assert from "node:assert/strict";
import { test } from "node:test";

import { Ladder } from "../src/ladder";

const WELL = { waitedMs: 0, silentMs: 0 };

function onWebRtc(ladder: Ladder, now: number): void {
  assert.ok(ladder.triesWebRtc(now));
  ladder.webRtcOpened(now);
  assert.ok(ladder.webRtcUsed(now));
}

test("pictures begin by WebSocket, and WebRTC is used once something came by it", () => {
  const ladder = new Ladder(null);
  ladder.begin(null, null, 0);
  assert.equal(ladder.transport, "websocket");
  assert.ok(ladder.takesVideo);
  assert.ok(ladder.triesWebRtc(10));
  assert.ok(!ladder.triesWebRtc(20), "it is tried once at a time");
  ladder.webRtcOpened(100);
  assert.equal(ladder.transport, "websocket");
  assert.ok(ladder.webRtcUsed(200));
  assert.ok(!ladder.webRtcUsed(210));
  assert.deepEqual([ladder.transport, ladder.reason], ["webrtc", ""]);
});

test("each way to fail has its reason and its time", () => {
  const ladder = new Ladder(null);
  ladder.begin(null, null, 0);
  ladder.triesWebRtc(0);
  assert.equal(ladder.webRtcFault(WELL, 7_000), null);
  assert.equal(ladder.webRtcFault(WELL, 8_001), "no path by UDP was found");
  ladder.webRtcOpened(8_001);
  assert.equal(ladder.webRtcFault(WELL, 11_000), null);
  assert.equal(ladder.webRtcFault(WELL, 11_002), "nothing came by it");
  ladder.webRtcUsed(11_002);
  assert.equal(ladder.webRtcFault({ waitedMs: 2_900, silentMs: 1_900 }, 99_000), null);
  assert.equal(ladder.webRtcFault({ waitedMs: 3_100, silentMs: 0 }, 99_000), "its video froze");
  assert.equal(ladder.webRtcFault({ waitedMs: 0, silentMs: 2_100 }, 99_000), "it fell silent");
});

test("what failed is tried again after growing pauses, and soon again when it had worked for long", () => {
  const ladder = new Ladder(null);
  ladder.begin(null, null, 0);
  let now = 0;
  for (const wait of [30_000, 120_000, 600_000, 600_000]) {
    assert.ok(ladder.triesWebRtc(now));
    ladder.webRtcFailed("the path by UDP broke", now);
    assert.equal(ladder.reason, "no WebRTC: the path by UDP broke");
    assert.ok(!ladder.triesWebRtc(now + wait - 1));
    now += wait;
  }
  onWebRtc(ladder, now);
  ladder.webRtcFailed("its video froze", now + 100_000);
  assert.ok(ladder.triesWebRtc(now + 130_000));
});

test("a decoder that fails leaves JPEG for a while", () => {
  const ladder = new Ladder(null);
  ladder.begin("the server has none", null, 0);
  ladder.videoFailed("the decoder failed", 1_000);
  assert.ok(!ladder.takesVideo);
  assert.equal(ladder.reason, "no WebRTC: the server has none; no H.264: the decoder failed");
  assert.ok(!ladder.triesVideo(30_999));
  assert.ok(ladder.triesVideo(31_000));
  assert.ok(ladder.takesVideo);
});

test("WebRTC brings video to pages whose own decoder is not available", () => {
  const ladder = new Ladder(null);
  ladder.begin(null, "this browser decodes none on this page", 0);
  assert.ok(!ladder.takesVideo);
  onWebRtc(ladder, 0);
  assert.ok(ladder.takesVideo);
  ladder.webRtcFailed("it fell silent", 10);
  assert.ok(!ladder.takesVideo);
});

test("a rung that the address names is the only one", () => {
  const jpeg = new Ladder("jpeg");
  jpeg.begin(null, null, 0);
  assert.ok(!jpeg.takesVideo && !jpeg.triesWebRtc(0));
  assert.match(jpeg.reason, /transport=jpeg/);
  const video = new Ladder("websocket");
  video.begin(null, null, 0);
  assert.ok(video.takesVideo && !video.triesWebRtc(0));
  const webrtc = new Ladder("webrtc");
  webrtc.begin(null, null, 0);
  webrtc.triesWebRtc(0);
  webrtc.webRtcFailed("it fell silent", 10);
  assert.ok(webrtc.triesWebRtc(2_010));
});
