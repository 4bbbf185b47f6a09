// The link to the server: a WebSocket, and WebRTC beside it where that works.

import { Connection, type ConnectionState, type Surroundings } from "./connection";
import { Ladder, type Rung } from "./ladder";
import { Outbox } from "./outbox";
import type { ClientMessage, Frame, ProtocolError, ServerMessage, SliceValues, Transport, VideoCodec } from "./protocol";
import { decodableVideos } from "./video";
import { Peer, type Picture, whyNoWebRtc } from "./webrtc";

const TICK_MS = 250;
/** An acknowledgement by the way that may lose it is said again after this, unless a newer one was. */
const ACK_AGAIN_MS = 100;
/** While the server is asked for something by WebRTC, it is asked for an answer this often. */
const PING_MS = 500;
/** A decoder that fails so often on one connection is left alone for a while. */
const VIDEO_FAILURES = 2;

export interface LinkHandlers {
  state(state: ConnectionState): void;
  message(message: ServerMessage): void;
  /** A frame; with its picture, where the browser has decoded it already. */
  frame(frame: Frame, picture: Picture | null): void;
  values(values: SliceValues): void;
  received(bytes: number): void;
  fault(error: ProtocolError): void;
}

export class Link {
  readonly #handlers: LinkHandlers;
  readonly #connection: Connection;
  readonly #ladder: Ladder;
  readonly #views: readonly number[];
  #peer: Peer | null = null;
  #iceServers: NonNullable<Extract<ServerMessage, { type: "connected" }>["iceServers"]> = [];
  #videos: readonly VideoCodec[] = [];
  #videoFailures = 0;
  #accepted = "";
  #pictured = false;
  #roundTripMs: number | null = null;
  /** When something last came by WebRTC, and when it was asked for since. */
  #heard = 0;
  #asked: number | null = null;
  #pinged = 0;
  readonly #outbox = new Outbox();
  /** The newest ping by the channel for commands: once it is answered, all before it was done. */
  #proof: { time: number; seq: number } | null = null;
  readonly #acks = new Map<number, ReturnType<typeof setTimeout>>();

  constructor(
    views: readonly number[],
    handlers: LinkHandlers,
    around: Surroundings,
    resumeToken: string | null,
    pinned: Rung | null,
  ) {
    this.#views = views;
    this.#handlers = handlers;
    this.#ladder = new Ladder(pinned);
    this.#connection = new Connection(
      {
        state: (state) => this.#state(state),
        message: (message) => this.#message(message),
        frame: (frame) => this.#frame(frame),
        values: handlers.values,
        received: handlers.received,
        fault: handlers.fault,
      },
      around,
      resumeToken,
    );
    setInterval(() => this.#tick(), TICK_MS);
  }

  /** Connects for the first time. */
  async start(): Promise<void> {
    this.#videos = await decodableVideos();
    this.connect();
  }

  /** Connects now; also cuts the pause before the next attempt short. */
  connect(): void {
    this.#connection.connect();
  }

  /** Sends a message. Returns its number, or null when there is no connection. */
  send(message: ClientMessage): number | null {
    if (this.#outbox.holds(message)) return this.#connection.newestSeq;
    let byCommands = false;
    const seq = this.#connection.send(message, (text) => {
      const lane = this.#carry(message, text);
      byCommands = lane === "commands";
      return lane !== null;
    });
    if (seq !== null && byCommands) this.#carried(message, seq);
    if (asks(message)) this.#ask(performance.now());
    return seq;
  }

  get resumeToken(): string | null {
    return this.#connection.resumeToken;
  }

  get transport(): Transport {
    return this.#ladder.transport;
  }

  /** Why pictures do not come the best way; empty when they do. */
  get reason(): string {
    return this.#ladder.reason;
  }

  /** How many packets get lost, and how much their time on the way varies; null where it is not known. */
  get losses(): { lostShare: number | null; jitterMs: number | null } {
    return { lostShare: this.#peer?.lostShare ?? null, jitterMs: this.#peer?.jitterMs ?? null };
  }

  get roundTripMs(): number | null {
    return this.#roundTripMs;
  }

  /** A picture is on screen: what is better may be tried now. */
  shown(): void {
    this.#pictured = true;
  }

  /** A video that came by WebSocket could not be decoded. */
  videoFailed(): void {
    this.#videoFailures += 1;
    if (this.#videoFailures < VIDEO_FAILURES) return;
    this.#videoFailures = 0;
    this.#ladder.videoFailed("the decoder failed", performance.now());
    this.#accept();
  }

  #state(state: ConnectionState): void {
    if (state.kind !== "connected" && state.kind !== "silent") {
      this.#closePeer();
      this.#outbox.clear();
    }
    this.#handlers.state(state);
  }

  #message(message: ServerMessage): void {
    const now = performance.now();
    switch (message.type) {
      case "connected": {
        this.#iceServers = message.iceServers ?? [];
        const noWebRtc = message.iceServers === null ? "the server has none" : whyNoWebRtc();
        const noVideo = this.#videos.length > 0 ? null : "this browser decodes none on this page";
        this.#ladder.begin(noWebRtc, noVideo, now);
        this.#pictured = false;
        this.#accepted = "";
        this.#accept();
        break;
      }
      case "pong":
        this.#roundTripMs = now - message.time;
        if (this.#asked !== null && message.time >= this.#asked) this.#asked = null;
        if (this.#proof?.time === message.time) this.#outbox.proven(this.#proof.seq);
        return;
      case "done":
        for (const lost of this.#outbox.done(message.seq)) this.send(lost);
        return;
      case "iceServers":
        this.#iceServers = message.iceServers;
        this.#peer?.askElsewhere(message.iceServers);
        return;
      case "answer":
        void this.#peer?.answer(message.sdp);
        return;
      case "transport":
        if (message.transport === "websocket") this.#webRtcFailed(message.reason);
        return;
      case "error":
        if (message.code === "webrtcFailed") return this.#webRtcFailed(message.message);
        break;
    }
    this.#handlers.message(message);
  }

  #frame(frame: Frame): void {
    this.#peer?.passed(frame.view);
    this.#handlers.frame(frame, null);
  }

  /** Tells what can be decoded, and drawn, where that has changed. */
  #accept(): void {
    const codecs = ["jpeg", "png", "webp", "drawings", ...(this.#ladder.takesVideo ? this.#videos : [])];
    if (codecs.join() === this.#accepted) return;
    this.#accepted = codecs.join();
    this.send({ type: "accept", codecs });
  }

  // --- WebRTC ------------------------------------------------------------------------------------------------------

  #tick(): void {
    const now = performance.now();
    if (this.#ladder.triesVideo(now)) this.#accept();
    if (this.#asked !== null) this.#ask(now);
    const health = {
      waitedMs: this.#peer?.waitedMs(now) ?? 0,
      silentMs: this.#asked === null ? 0 : now - Math.max(this.#asked, this.#heard),
    };
    const fault = this.#ladder.webRtcFault(health, now);
    if (fault !== null) this.#leaveWebRtc(fault);
    else if (this.#pictured && this.#ladder.triesWebRtc(now)) this.#tryWebRtc();
  }

  #tryWebRtc(): void {
    try {
      this.#peer = this.#newPeer();
    } catch (error) {
      // Addresses of STUN and TURN servers are the operator's, and browsers are strict about them.
      this.#webRtcFailed(`the browser refused it (${error instanceof Error ? error.message : String(error)})`);
    }
  }

  #newPeer(): Peer {
    return new Peer(this.#iceServers, this.#views, {
      signal: (message) => this.send(message),
      opened: () => {
        this.#ladder.webRtcOpened(performance.now());
        this.#accept();
        this.send({ type: "transport", transport: "webrtc", keeps: true });
      },
      message: (data) => {
        this.#used();
        this.#connection.receive(data);
      },
      picture: (frame, picture) => {
        this.#used();
        this.#handlers.frame(frame, picture);
      },
      received: (bytes) => {
        this.#heard = performance.now();
        this.#handlers.received(bytes);
      },
      lost: (reason) => this.#leaveWebRtc(reason),
    });
  }

  #used(): void {
    this.#ladder.webRtcUsed(performance.now());
  }

  /** Has the server go back to the WebSocket; every view begins anew there. */
  #leaveWebRtc(reason: string): void {
    if (!this.#peer) return;
    this.#webRtcFailed(reason);
    this.send({ type: "transport", transport: "websocket" });
  }

  #webRtcFailed(reason: string): void {
    // What went by it may be lost: nothing is to overtake that.
    if (this.#ladder.transport === "webrtc") this.#outbox.left();
    this.#closePeer();
    this.#ladder.webRtcFailed(reason, performance.now());
    this.#accept();
  }

  #closePeer(): void {
    this.#peer?.close();
    this.#peer = null;
    this.#asked = null;
    for (const timer of this.#acks.values()) clearTimeout(timer);
    this.#acks.clear();
  }

  /** Messages go by WebRTC once something came by it: only then has the server changed over. */
  #carry(message: ClientMessage, text: string): "commands" | "moves" | null {
    const peer = this.#peer;
    if (!peer || this.#ladder.transport !== "webrtc") return null;
    const by = (lane: "commands" | "moves") => (peer.send(text, lane === "moves") ? lane : null);
    switch (message.type) {
      case "offer":
      case "candidate":
      case "transport":
        return null;
      case "ack":
        this.#acknowledgeAgain(message);
        return by("moves");
      case "pointer":
        return by(message.kind === "move" ? "moves" : "commands");
      default:
        return by("commands");
    }
  }

  /** A message went by the channel for commands. */
  #carried(message: ClientMessage, seq: number): void {
    if (message.type === "ping") this.#proof = { time: message.time, seq };
    this.#outbox.sent(message, seq);
  }

  #acknowledgeAgain(message: Extract<ClientMessage, { type: "ack" }>): void {
    clearTimeout(this.#acks.get(message.view));
    const again = () => {
      this.#acks.delete(message.view);
      this.#connection.send(message, (text) => this.#peer?.send(text, false) ?? false);
    };
    this.#acks.set(message.view, setTimeout(again, ACK_AGAIN_MS));
  }

  /** Input may change nothing and so bring no picture; a ping is always answered. */
  #ask(now: number): void {
    if (this.#ladder.transport !== "webrtc") return;
    this.#asked ??= now;
    if (now - this.#pinged < PING_MS) return;
    this.#pinged = now;
    this.send({ type: "ping", time: now });
  }
}

/** Whether a picture is the likely answer. */
function asks({ type }: ClientMessage): boolean {
  return ["pointer", "wheel", "pinch", "scroll", "rotate", "window", "preset", "reset"].includes(type);
}
