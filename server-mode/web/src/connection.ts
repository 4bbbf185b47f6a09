// The WebSocket: numbering, reconnecting to the same session with growing pauses, and noticing a server that has gone silent.

import {
  type ClientMessage,
  type Frame,
  ProtocolError,
  type ServerMessage,
  type SliceValues,
  SUBPROTOCOL,
  areValues,
  parseFrame,
  parseMessage,
  parseValues,
} from "./protocol";

export type ConnectionState =
  | { kind: "connecting" }
  | { kind: "connected" }
  /** Nothing has been heard for a while; it may only be slow. */
  | { kind: "silent" }
  /** The connection is lost; `attempt` counts from 1, the next try comes in `waitMs`. `said` is what the server said before. */
  | { kind: "reconnecting"; attempt: number; waitMs: number; said: Farewell | null }
  /** This browser may see nothing more, and nothing is tried any more. */
  | { kind: "ended"; why: Ending };

/** A server that comes back, or has room again. */
export type Farewell = "full" | "shutDown";
/** The last two are of a server that does not know this browser, as a guest or at all. */
export type Ending = "sentAway" | "sharingEnded" | "invitationEnded" | "signedOut";

export interface Handlers {
  state(state: ConnectionState): void;
  message(message: ServerMessage): void;
  frame(frame: Frame): void;
  values(values: SliceValues): void;
  received(bytes: number): void;
  fault(error: ProtocolError): void;
}

/** What the connection needs from its surroundings; tests give their own. */
export interface Surroundings {
  /** Asks for the session that the token belongs to, or without one for a new session. */
  open(resumeToken: string | null): WebSocket;
  /** Why the server refuses this browser; null where it did not say so. */
  refused(): Promise<Ending | null>;
  now(): number;
}

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 8_000;
/** How often the link is tried when nothing else is said. */
const HEARTBEAT_MS = 1_000;
/** From then on the user is told that nothing comes. */
const QUIET_MS = 3_000;
/** A link that has been silent for this long is dead. */
const SILENCE_MS = 12_000;
/** A server that has too much to do is asked again no sooner. */
const FULL_WAIT_MS = 5_000;
/** Closing codes: the server shuts down, or a guest's host shares no more. */
const GOING_AWAY = 1001;
/** Another connection goes on with the session. */
const TAKEN_OVER = 1012;
/** The server has as much to do as it can. */
const FULL = 1013;
/** The host has sent the guest away. */
const SENT_AWAY = 4001;

/** Pause before the n-th attempt to reconnect, from 1. */
export function waitBefore(attempt: number): number {
  return Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** (attempt - 1));
}

export function browserSurroundings(): Surroundings {
  const address = new URL("/ws", location.href);
  address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
  return {
    open: (resumeToken) =>
      new WebSocket(address, resumeToken === null ? [SUBPROTOCOL] : [SUBPROTOCOL, `resume.${resumeToken}`]),
    refused: async () => {
      const answer = await fetch("/", { method: "HEAD", cache: "no-store" });
      if (answer.status !== 401 && answer.status !== 403) return null;
      return answer.headers.get("voxcast-refusal") === "invitation" ? "invitationEnded" : "signedOut";
    },
    now: () => performance.now(),
  };
}

export class Connection {
  readonly #handlers: Handlers;
  readonly #around: Surroundings;
  #socket: WebSocket | null = null;
  #resumeToken: string | null;
  #isGuest = false;
  #said: Farewell | null = null;
  #seq = 0;
  #attempt = 0;
  #heard = 0;
  #silent = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #heartbeat: ReturnType<typeof setInterval> | undefined;

  constructor(handlers: Handlers, around: Surroundings, resumeToken: string | null) {
    this.#handlers = handlers;
    this.#around = around;
    this.#resumeToken = resumeToken;
  }

  /** What a later connection of this tab needs to go on with the session. */
  get resumeToken(): string | null {
    return this.#resumeToken;
  }

  /** The number of the last message, or null when there is no connection. */
  get newestSeq(): number | null {
    return this.#socket?.readyState === 1 ? this.#seq : null;
  }

  /** Connects now; also cuts the pause before the next attempt short. */
  connect(): void {
    clearTimeout(this.#timer);
    this.#drop();
    this.#handlers.state({ kind: "connecting" });
    const socket = this.#around.open(this.#resumeToken);
    socket.binaryType = "arraybuffer";
    this.#socket = socket;
    this.#seq = 0;
    socket.onopen = () => {
      this.#heard = this.#around.now();
      this.#heartbeat = setInterval(() => this.#beat(), HEARTBEAT_MS);
      this.#handlers.state({ kind: "connected" });
    };
    socket.onmessage = ({ data }: MessageEvent<unknown>) => {
      this.#handlers.received(typeof data === "string" ? data.length : data instanceof ArrayBuffer ? data.byteLength : 0);
      this.receive(data);
    };
    socket.onclose = ({ code }: CloseEvent) => {
      // Two tabs that want the same session would take it from each other for ever: this one gives in.
      if (code === TAKEN_OVER) this.#resumeToken = null;
      if (code === SENT_AWAY) return this.#end("sentAway");
      if (code === GOING_AWAY && this.#isGuest) return this.#end("sharingEnded");
      if (code === FULL) this.#said = "full";
      else if (code === GOING_AWAY) this.#said = "shutDown";
      else if (this.#said === "full") this.#said = null;
      this.#lost(code === FULL);
    };
  }

  /**
   * Sends a message; `carry` may take it another way, its number is of the same row. Returns the number, or null when
   * there is no connection.
   */
  send(message: ClientMessage, carry?: (text: string) => boolean): number | null {
    if (this.#socket?.readyState !== 1) return null;
    this.#seq += 1;
    const text = JSON.stringify({ ...message, seq: this.#seq });
    if (!carry?.(text)) this.#socket.send(text);
    return this.#seq;
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#drop();
  }

  /** Takes what the server sent, whichever way it came. */
  receive(data: unknown): void {
    this.#heard = this.#around.now();
    if (this.#silent) this.#handlers.state({ kind: "connected" });
    this.#silent = false;
    try {
      if (data instanceof ArrayBuffer) {
        if (areValues(data)) this.#handlers.values(parseValues(data));
        else this.#handlers.frame(parseFrame(data));
      } else if (typeof data === "string") {
        const message = parseMessage(data);
        if (message.type === "connected") {
          this.#resumeToken = message.resumeToken;
          this.#isGuest = message.role !== "owner";
          // Only now it is sure that the server takes this client.
          this.#attempt = 0;
          this.#said = null;
        }
        this.#handlers.message(message);
      }
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#handlers.fault(error);
    }
  }

  #beat(): void {
    const quietMs = this.#around.now() - this.#heard;
    if (quietMs > SILENCE_MS) return this.#lost(false);
    if (quietMs > QUIET_MS && !this.#silent) {
      this.#silent = true;
      this.#handlers.state({ kind: "silent" });
    }
    this.send({ type: "ping", time: this.#around.now() });
  }

  #lost(full: boolean): void {
    this.#drop();
    this.#attempt += 1;
    const waitMs = Math.max(full ? FULL_WAIT_MS : 0, waitBefore(this.#attempt));
    this.#handlers.state({ kind: "reconnecting", attempt: this.#attempt, waitMs, said: this.#said });
    this.#timer = setTimeout(() => void this.#retry(), waitMs);
  }

  async #retry(): Promise<void> {
    const attempt = this.#attempt;
    // A refused upgrade looks like an absent server from here, so ask by HTTP which it is.
    const refused = await this.#around.refused().catch(() => null);
    if (this.#socket || attempt !== this.#attempt) return;
    if (refused !== null) this.#end(refused);
    else this.connect();
  }

  #end(why: Ending): void {
    this.close();
    this.#resumeToken = null;
    this.#handlers.state({ kind: "ended", why });
  }

  #drop(): void {
    clearInterval(this.#heartbeat);
    this.#silent = false;
    const socket = this.#socket;
    this.#socket = null;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  }
}
