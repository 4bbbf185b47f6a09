// WebRTC of ../../protocol/PROTOCOL.md: a video for each view, and two channels for messages.

import { type ClientMessage, type Frame, type IceServer, ProtocolError, parseHeader } from "./protocol";

/** A picture that was decoded by the browser; who takes it closes it. */
export type Picture = ImageBitmap | VideoFrame;

export interface PeerHandlers {
  /** Sends a message by WebSocket. */
  signal(message: ClientMessage): void;
  /** Both channels are open. */
  opened(): void;
  /** What would be a WebSocket message. */
  message(data: string | ArrayBuffer): void;
  /** A picture of a video, with the header of its frame. */
  picture(frame: Frame, picture: Picture): void;
  /** Something came, or was worked out to have come: bytes of videos. */
  received(bytes: number): void;
  lost(reason: string): void;
}

/** Chromium's way to the pictures of a track as soon as they are decoded; not in TypeScript's library. */
interface TrackProcessor {
  readonly readable: ReadableStream<VideoFrame>;
}
declare const MediaStreamTrackProcessor: (new (init: { track: MediaStreamTrack }) => TrackProcessor) | undefined;

const NOTE_BYTES = 48;
/** Notes whose pictures have not come, for each view. */
const NOTES_KEPT = 16;
/** A message of more bytes than the largest frame has is none of ours. */
const MAX_MESSAGE_BYTES = 64 * 1024 * 1024;
/** Time to find a path anew. */
const RESTART_MS = 5_000;
const COUNT_EVERY_MS = 500;
/** Five seconds of them tell how many packets get lost. */
const COUNTS_KEPT = 11;
/** A path is looked for anew when nothing came for so long: where nothing moves, answers to heartbeats come every second. */
const QUIET_PATH_MS = 1_500;

/** Why this browser has no WebRTC that is of use here; null where it has. */
export function whyNoWebRtc(): string | null {
  if (typeof RTCPeerConnection === "undefined") return "this browser has no WebRTC";
  return h264().length === 0 ? "this browser's WebRTC has no H.264" : null;
}

function h264(): RTCRtpCodec[] {
  const all = RTCRtpReceiver.getCapabilities("video")?.codecs ?? [];
  const isVideo = ({ mimeType, sdpFmtpLine }: RTCRtpCodec) =>
    /\/h264$/i.test(mimeType) && /packetization-mode=1/.test(sdpFmtpLine ?? "");
  // Lost packets are sent again as a codec of their own.
  return all.some(isVideo) ? all.filter((codec) => isVideo(codec) || /\/rtx$/i.test(codec.mimeType)) : [];
}

function configuration(iceServers: readonly IceServer[]): RTCConfiguration {
  const servers = iceServers.map(({ urls, username, credential }): RTCIceServer => ({
    urls: [...urls],
    ...(username === undefined ? {} : { username }),
    ...(credential === undefined ? {} : { credential }),
  }));
  return { iceServers: servers, bundlePolicy: "max-bundle" };
}

/** Packets of the videos, summed up. */
export interface Packets {
  received: number;
  lost: number;
}

/** What part of the packets since then did not come; null where there were none. Late ones count as come. */
export function lostShare(before: Packets, now: Packets): number | null {
  const lost = Math.max(0, now.lost - before.lost);
  const sent = Math.max(0, now.received - before.received) + lost;
  return sent > 0 ? lost / sent : null;
}

/** What is known of a view's video: pictures wait for their notes, as these may come later. */
export class Film {
  /** Headers of pictures by RTP timestamp, oldest first. */
  readonly #notes = new Map<number, Frame>();
  /** A picture whose note has not come. */
  #held: { timestamp: number; picture: Picture } | null = null;
  /** Since when there has been a note without its picture. */
  waitingSince: number | null = null;

  note(timestamp: number, frame: Frame, now: number): void {
    if (this.#notes.has(timestamp)) return;
    this.#notes.set(timestamp, frame);
    this.waitingSince ??= now;
    const [oldest] = this.#notes.keys();
    if (this.#notes.size > NOTES_KEPT && oldest !== undefined) this.#notes.delete(oldest);
  }

  hold(timestamp: number, picture: Picture): void {
    this.#held?.picture.close();
    this.#held = { timestamp, picture };
  }

  /** The picture that is held, once its note is there. A picture is taken only once. */
  take(): [Frame, Picture] | null {
    const frame = this.#held && this.#notes.get(this.#held.timestamp);
    if (!this.#held || !frame) return null;
    const { picture } = this.#held;
    this.#held = null;
    this.waitingSince = null;
    return [frame, picture];
  }

  close(): void {
    this.#held?.picture.close();
    this.#held = null;
  }
}

/** What is read of a browser's statistics; not all of it is in TypeScript's library. */
interface Report {
  type: string;
  bytesReceived?: number;
  packetsReceived?: number;
  packetsLost?: number;
  /** In seconds. */
  jitter?: number;
  responsesReceived?: number;
}

export class Peer {
  readonly #handlers: PeerHandlers;
  readonly #peer: RTCPeerConnection;
  readonly #commands: RTCDataChannel;
  readonly #moves: RTCDataChannel;
  readonly #tracks: { transceiver: RTCRtpTransceiver; view: number }[];
  readonly #films = new Map<number, Film>();
  readonly #counting: ReturnType<typeof setInterval>;
  #restart: ReturnType<typeof setTimeout> | undefined;
  #pieces: Uint8Array<ArrayBuffer>[] = [];
  #pieceBytes = 0;
  #videoBytes = 0;
  /** All that came by the path, and since when nothing more did. */
  #came = { packets: 0, at: performance.now() };
  #counted = 0;
  /** Packets of the last seconds, oldest first, and how much their time on the way varies. */
  readonly #packets: Packets[] = [];
  jitterMs: number | null = null;
  #closed = false;

  constructor(iceServers: readonly IceServer[], views: readonly number[], handlers: PeerHandlers) {
    this.#handlers = handlers;
    this.#peer = new RTCPeerConnection(configuration(iceServers));
    this.#commands = this.#channel("commands", {});
    this.#moves = this.#channel("moves", { ordered: false, maxRetransmits: 0 });
    this.#commands.onmessage = ({ data }: MessageEvent<unknown>) => data instanceof ArrayBuffer && this.#piece(data);
    this.#moves.onmessage = ({ data }: MessageEvent<unknown>) => data instanceof ArrayBuffer && this.#note(data);
    this.#tracks = views.map((view) => {
      const transceiver = this.#peer.addTransceiver("video", { direction: "recvonly" });
      transceiver.setCodecPreferences(h264());
      const { receiver } = transceiver;
      // Pictures are shown as they come: none waits so that others may be late.
      receiver.jitterBufferTarget = 0;
      if ("playoutDelayHint" in receiver) receiver.playoutDelayHint = 0;
      this.#films.set(view, new Film());
      this.#watch(receiver.track, view);
      return { transceiver, view };
    });
    this.#peer.onicecandidate = ({ candidate }) => {
      if (candidate?.candidate) handlers.signal({ type: "candidate", candidate: candidate.candidate });
    };
    this.#peer.onconnectionstatechange = () => this.#pathChanged();
    this.#counting = setInterval(() => void this.#count(), COUNT_EVERY_MS);
    void this.#offer({});
  }

  /** Other STUN and TURN servers, for when the path is looked for anew. */
  askElsewhere(iceServers: readonly IceServer[]): void {
    try {
      this.#peer.setConfiguration(configuration(iceServers));
    } catch {
      // The path that there is goes on, and another peer asks the new ones.
    }
  }

  async answer(sdp: string): Promise<void> {
    try {
      await this.#peer.setRemoteDescription({ type: "answer", sdp });
    } catch {
      this.#lose("the server's answer was not understood");
    }
  }

  /** Sends text; false where there is no way any more. What may be lost goes by `moves`. */
  send(text: string, mayBeLost: boolean): boolean {
    const channel = mayBeLost ? this.#moves : this.#commands;
    if (channel.readyState !== "open") return false;
    channel.send(text);
    return true;
  }

  /** What part of the last seconds' packets did not come; null where there were none. */
  get lostShare(): number | null {
    const [before, now] = [this.#packets[0], this.#packets.at(-1)];
    return before && now ? lostShare(before, now) : null;
  }

  /** A later frame of this view came as a message: the view waits for no picture any more. */
  passed(view: number): void {
    const film = this.#films.get(view);
    if (film) film.waitingSince = null;
  }

  /** For how long a picture that was announced has not come. */
  waitedMs(now: number): number {
    return Math.max(0, ...[...this.#films.values()].map(({ waitingSince }) => (waitingSince === null ? 0 : now - waitingSince)));
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#restart);
    clearInterval(this.#counting);
    this.#peer.onconnectionstatechange = this.#peer.onicecandidate = null;
    for (const channel of [this.#commands, this.#moves]) channel.onopen = channel.onclose = channel.onmessage = null;
    for (const film of this.#films.values()) film.close();
    this.#peer.close();
  }

  #channel(name: string, options: RTCDataChannelInit): RTCDataChannel {
    const channel = this.#peer.createDataChannel(name, options);
    channel.binaryType = "arraybuffer";
    channel.onopen = () => {
      if (this.#commands.readyState === "open" && this.#moves.readyState === "open") this.#handlers.opened();
    };
    channel.onclose = () => this.#lose("the server closed it");
    return channel;
  }

  async #offer(options: RTCOfferOptions): Promise<void> {
    try {
      await this.#peer.setLocalDescription(await this.#peer.createOffer(options));
    } catch {
      return this.#lose("the browser made no offer");
    }
    const sdp = this.#peer.localDescription?.sdp;
    if (!sdp || this.#closed) return;
    const tracks = this.#tracks.map(({ transceiver: { mid }, view }) => ({ mid: mid ?? "", view }));
    this.#handlers.signal({ type: "offer", sdp, tracks });
  }

  /** A path that falls silent is looked for anew; one that is not found in time is lost. */
  #pathChanged(): void {
    const { connectionState } = this.#peer;
    if (connectionState === "connected") this.#pathFound();
    if (connectionState === "disconnected" || connectionState === "failed") this.#findPath();
  }

  #pathFound(): void {
    clearTimeout(this.#restart);
    this.#restart = undefined;
  }

  /** Begins ICE anew. */
  #findPath(): void {
    if (this.#restart !== undefined) return;
    this.#restart = setTimeout(() => this.#lose("the path by UDP broke"), RESTART_MS);
    void this.#offer({ iceRestart: true });
  }

  #lose(reason: string): void {
    if (!this.#closed) this.#handlers.lost(reason);
  }

  #piece(data: ArrayBuffer): void {
    this.#handlers.received(data.byteLength);
    const flags = new Uint8Array(data)[0] ?? 0;
    this.#pieces.push(new Uint8Array(data, 1));
    this.#pieceBytes += data.byteLength - 1;
    if (this.#pieceBytes > MAX_MESSAGE_BYTES) return this.#lose("the server's message had no end");
    if ((flags & 1) === 0) return;
    const whole = new Uint8Array(this.#pieceBytes);
    let at = 0;
    for (const piece of this.#pieces) {
      whole.set(piece, at);
      at += piece.byteLength;
    }
    this.#pieces = [];
    this.#pieceBytes = 0;
    this.#handlers.message((flags & 2) === 0 ? whole.buffer : new TextDecoder().decode(whole));
  }

  #note(data: ArrayBuffer): void {
    this.#handlers.received(data.byteLength);
    try {
      for (let at = 0; at + NOTE_BYTES <= data.byteLength; at += NOTE_BYTES) {
        const timestamp = new DataView(data).getUint32(at, true);
        const frame = parseHeader(data.slice(at + 4, at + NOTE_BYTES));
        this.#films.get(frame.view)?.note(timestamp, frame, performance.now());
        this.#deliver(frame.view);
      }
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#lose("a note of the server's was not understood");
    }
  }

  #picture(view: number, timestamp: number, picture: Picture): void {
    const film = this.#films.get(view);
    if (this.#closed || !film) return picture.close();
    film.hold(timestamp, picture);
    this.#deliver(view);
  }

  #deliver(view: number): void {
    const taken = this.#films.get(view)?.take();
    if (taken) this.#handlers.picture(...taken);
  }

  /** Hands on the pictures of a track, each with the RTP timestamp that it came with. */
  #watch(track: MediaStreamTrack, view: number): void {
    if (typeof MediaStreamTrackProcessor === "undefined") return this.#watchBySight(track, view);
    const reader = new MediaStreamTrackProcessor({ track }).readable.getReader();
    const read = async () => {
      for (let next = await reader.read(); !next.done; next = await reader.read()) {
        const { rtpTimestamp } = (next.value as VideoFrame & { metadata(): { rtpTimestamp?: number } }).metadata();
        if (rtpTimestamp === undefined) next.value.close();
        else this.#picture(view, rtpTimestamp, next.value);
      }
    };
    read().catch(() => this.#lose("the browser stopped decoding"));
  }

  /** The same by an element that plays the track: some 10 ms later, and in every browser. */
  #watchBySight(track: MediaStreamTrack, view: number): void {
    const video = document.createElement("video");
    video.muted = video.playsInline = true;
    video.srcObject = new MediaStream([track]);
    const next: VideoFrameRequestCallback = (_, { rtpTimestamp }) => {
      if (this.#closed) return;
      video.requestVideoFrameCallback(next);
      if (rtpTimestamp === undefined) return;
      // One that cannot be had any more is as good as lost on the way.
      void createImageBitmap(video).then((picture) => this.#picture(view, rtpTimestamp, picture), () => undefined);
    };
    video.requestVideoFrameCallback(next);
    // Playing begins with the first picture; one that is closed before that plays nothing.
    video.play().catch(() => undefined);
  }

  /** Browsers call a path disconnected after some 5 s; the server gives it up after 10 s. */
  #watchPath(packets: number, now: number): void {
    // Timers of a page that is not shown come late, and so do its heartbeats.
    const isLate = now - this.#counted > 2 * COUNT_EVERY_MS;
    this.#counted = now;
    if (packets !== this.#came.packets || isLate) {
      this.#came = { packets, at: now };
      if (this.#peer.connectionState === "connected") this.#pathFound();
    } else if (this.#peer.connectionState === "connected" && now - this.#came.at > QUIET_PATH_MS) {
      this.#findPath();
    }
  }

  async #count(): Promise<void> {
    const reports = await this.#peer.getStats();
    let [bytes, packets] = [0, 0];
    const videos: Packets = { received: 0, lost: 0 };
    let jitter = 0;
    reports.forEach((report: Report) => {
      if (report.type === "inbound-rtp") {
        bytes += report.bytesReceived ?? 0;
        videos.received += report.packetsReceived ?? 0;
        videos.lost += report.packetsLost ?? 0;
        jitter = Math.max(jitter, report.jitter ?? 0);
      }
      if (report.type === "candidate-pair") packets += (report.packetsReceived ?? 0) + (report.responsesReceived ?? 0);
    });
    this.#packets.push(videos);
    if (this.#packets.length > COUNTS_KEPT) this.#packets.shift();
    this.jitterMs = videos.received > 0 ? jitter * 1000 : null;
    this.#watchPath(packets, performance.now());
    if (bytes > this.#videoBytes) this.#handlers.received(bytes - this.#videoBytes);
    this.#videoBytes = bytes;
  }
}
