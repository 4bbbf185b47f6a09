import assert from "node:assert/strict";
import { test } from "node:test";

import { Connection, type ConnectionState, type Ending, waitBefore } from "../src/connection";
import type { ServerMessage } from "../src/protocol";

class FakeSocket {
  binaryType = "";
  readyState = 1;
  closed = false;
  readonly sent: { type: string; seq: number }[] = [];
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: ((event: { code: number }) => void) | null = null;

  send(text: string): void {
    this.sent.push(JSON.parse(text) as { type: string; seq: number });
  }

  close(): void {
    this.closed = true;
  }
}

function harness(refused: Ending | null = null, told: (state: ConnectionState) => void = () => undefined) {
  const sockets: FakeSocket[] = [];
  const tokens: (string | null)[] = [];
  const states: ConnectionState[] = [];
  const messages: ServerMessage[] = [];
  const faults: string[] = [];
  const clock = { now: 0 };
  const connection = new Connection(
    {
      state: (state) => {
        states.push(state);
        told(state);
      },
      message: (message) => messages.push(message),
      values: () => assert.fail("no values are due"),
      frame: () => assert.fail("no frame was sent"),
      received: () => undefined,
      fault: (error) => faults.push(error.message),
    },
    {
      open: (resumeToken) => {
        tokens.push(resumeToken);
        const socket = new FakeSocket();
        sockets.push(socket);
        return socket as unknown as WebSocket;
      },
      refused: () => Promise.resolve(refused),
      now: () => clock.now,
    },
    null,
  );
  return { connection, sockets, tokens, states, messages, faults, clock };
}

const connected = (resumeToken: string, role = "owner") =>
  JSON.stringify({
    type: "connected",
    sessionId: "1",
    protocol: "voxcast.v1",
    backend: "cpu",
    resumeToken,
    resumed: false,
    iceServers: null,
    role,
    voxels: true,
  });

test("messages are numbered from 1 on each connection", () => {
  const { connection, sockets } = harness();
  for (const round of [0, 1]) {
    connection.connect();
    sockets[round]!.onopen?.();
    assert.equal(connection.send({ type: "reset" }), 1);
    assert.equal(connection.send({ type: "ping", time: 5 }), 2);
    assert.deepEqual(sockets[round]!.sent.map(({ seq }) => seq), [1, 2]);
  }
  assert.ok(sockets[0]!.closed);
  connection.close();
  assert.equal(connection.send({ type: "reset" }), null);
});

test("pauses between attempts grow to eight seconds", () => {
  assert.deepEqual([1, 2, 3, 4, 5, 6, 50].map(waitBefore), [500, 1000, 2000, 4000, 8000, 8000, 8000]);
});

test("a lost connection is told at once and opened again", async (t) => {
  const { connection, sockets, states } = harness();
  t.after(() => connection.close());
  connection.connect();
  sockets[0]!.onopen?.();
  sockets[0]!.onclose?.({ code: 1006 });
  assert.deepEqual(states.at(-1), { kind: "reconnecting", attempt: 1, waitMs: 500, said: null });
  assert.equal(connection.send({ type: "reset" }), null);
  connection.connect();
  sockets[1]!.onopen?.();
  assert.equal(states.at(-1)?.kind, "connected");
  sockets[1]!.onclose?.({ code: 1006 });
  assert.deepEqual(states.at(-1), { kind: "reconnecting", attempt: 2, waitMs: 1000, said: null }, "nobody greeted it");
  connection.connect();
  sockets[2]!.onopen?.();
  sockets[2]!.onmessage?.({ data: connected("token") });
  sockets[2]!.onclose?.({ code: 1006 });
  assert.deepEqual(states.at(-1), { kind: "reconnecting", attempt: 1, waitMs: 500, said: null });
});

test("a server that is full is asked again later, and the user is told", (t) => {
  const { connection, sockets, states } = harness();
  t.after(() => connection.close());
  connection.connect();
  sockets[0]!.onopen?.();
  sockets[0]!.onclose?.({ code: 1013 });
  assert.deepEqual(states.at(-1), { kind: "reconnecting", attempt: 1, waitMs: 5000, said: "full" });
});

test("whom the host has sent away, or shares with no more, is told so and does not come back", (t) => {
  for (const [code, role, why] of [[4001, "viewer", "sentAway"], [4001, "driver", "sentAway"], [1001, "viewer", "sharingEnded"]] as const) {
    const { connection, sockets, states } = harness();
    t.after(() => connection.close());
    connection.connect();
    sockets[0]!.onopen?.();
    sockets[0]!.onmessage?.({ data: connected("token", role) });
    sockets[0]!.onclose?.({ code });
    assert.deepEqual(states.at(-1), { kind: "ended", why });
    assert.equal(connection.resumeToken, null, "nothing is kept of the session");
  }
});

test("a server that shuts down is waited for, and says so until it is back", (t) => {
  const { connection, sockets, states } = harness();
  t.after(() => connection.close());
  connection.connect();
  sockets[0]!.onmessage?.({ data: connected("token") });
  sockets[0]!.onclose?.({ code: 1001 });
  assert.deepEqual(states.at(-1), { kind: "reconnecting", attempt: 1, waitMs: 500, said: "shutDown" });
  connection.connect();
  sockets[1]!.onclose?.({ code: 1006 });
  assert.deepEqual(states.at(-1), { kind: "reconnecting", attempt: 2, waitMs: 1000, said: "shutDown" });
});

test("whom a server does not know any more is told, as what it was there", async () => {
  for (const why of ["signedOut", "invitationEnded"] as const) {
    const ended = new Promise<ConnectionState>((told) => {
      const { connection, sockets } = harness(why, (state) => state.kind === "ended" && told(state));
      connection.connect();
      sockets[0]!.onclose?.({ code: 1006 });
    });
    assert.deepEqual(await ended, { kind: "ended", why });
  }
});

test("a server that says nothing for three seconds is told, and for twelve it is lost", (t) => {
  t.mock.timers.enable(["setInterval", "setTimeout"]);
  const { connection, sockets, states, clock } = harness();
  t.after(() => connection.close());
  const pass = (seconds: number) => {
    for (let i = 0; i < seconds; i++) {
      clock.now += 1000;
      t.mock.timers.tick(1000);
    }
  };
  connection.connect();
  sockets[0]!.onopen?.();
  pass(3);
  assert.equal(states.at(-1)?.kind, "connected");
  pass(1);
  assert.equal(states.at(-1)?.kind, "silent");
  sockets[0]!.onmessage?.({ data: '{"type":"pong","time":1}' });
  assert.equal(states.at(-1)?.kind, "connected");
  pass(13);
  assert.equal(states.at(-1)?.kind, "reconnecting");
});

test("a connection that is made again asks for its session, unless another one took it over", (t) => {
  const { connection, sockets, tokens } = harness();
  t.after(() => connection.close());
  connection.connect();
  sockets[0]!.onmessage?.({ data: connected("first") });
  assert.equal(connection.resumeToken, "first");
  sockets[0]!.onclose?.({ code: 1006 });
  connection.connect();
  sockets[1]!.onmessage?.({ data: connected("second") });
  sockets[1]!.onclose?.({ code: 1012 });
  connection.connect();
  assert.deepEqual(tokens, [null, "first", null]);
});

test("a message that is not understood is a fault, not a crash", () => {
  const { connection, sockets, faults, messages } = harness();
  connection.connect();
  sockets[0]!.onopen?.();
  sockets[0]!.onmessage?.({ data: "{" });
  sockets[0]!.onmessage?.({ data: new ArrayBuffer(3) });
  sockets[0]!.onmessage?.({ data: '{"type":"pong","time":1}' });
  assert.equal(faults.length, 2);
  assert.deepEqual(messages, [{ type: "pong", time: 1 }]);
  connection.close();
});
