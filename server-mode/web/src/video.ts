// Video frames of one view, decoded by the browser (WebCodecs).

import { VIDEO_CODECS, type VideoCodec } from "./protocol";

/** Profile and level that are asked for: as much as any server sends. */
const CONFIGS: Record<VideoCodec, string> = {
  h264: "avc1.640033",
  // With the parameter sets in the frames.
  hevc: "hev1.1.6.L153.B0",
  av1: "av01.0.13M.08",
};

/** The videos that this browser decodes; it says so only to pages from a secure origin. */
export async function decodableVideos(): Promise<VideoCodec[]> {
  if (typeof VideoDecoder === "undefined") return [];
  const decodes = (codec: VideoCodec) => {
    const config = { codec: CONFIGS[codec], optimizeForLatency: true };
    return VideoDecoder.isConfigSupported(config).then(({ supported }) => supported === true, () => false);
  };
  const decodable = await Promise.all(VIDEO_CODECS.map(decodes));
  return VIDEO_CODECS.filter((_, i) => decodable[i]);
}

/** A decoder that holds a picture back for so long has failed. */
const PATIENCE_MS = 2_000;

/** One picture in, one picture out. */
export class Video {
  #decoder: VideoDecoder | null = null;
  #codec = "";
  #count = 0;
  #taken: ((frame: VideoFrame) => void) | null = null;
  #failed: ((error: Error) => void) | null = null;

  /** Decodes the next access unit; `key` tells that it needs none before it. The caller closes the picture. */
  async decode(codec: VideoCodec, unit: Uint8Array<ArrayBuffer>, key: boolean): Promise<VideoFrame> {
    if (key) this.#configure(codec === "h264" ? codecOf(unit) : CONFIGS[codec]);
    const decoder = this.#decoder;
    if (!decoder || decoder.state !== "configured") throw new Error("the video has no beginning");
    const picture = new Promise<VideoFrame>((taken, failed) => {
      this.#taken = taken;
      this.#failed = failed;
    });
    decoder.decode(new EncodedVideoChunk({ type: key ? "key" : "delta", timestamp: this.#count++, data: unit }));
    const timer = setTimeout(() => this.#failed?.(new Error("the decoder gives no picture")), PATIENCE_MS);
    try {
      return await picture;
    } catch (error) {
      this.close();
      throw error;
    } finally {
      clearTimeout(timer);
      this.#taken = this.#failed = null;
    }
  }

  close(): void {
    if (this.#decoder && this.#decoder.state !== "closed") this.#decoder.close();
    this.#decoder = null;
    this.#codec = "";
  }

  #configure(codec: string): void {
    if (this.#decoder?.state === "configured" && codec === this.#codec) return;
    this.close();
    this.#codec = codec;
    this.#decoder = new VideoDecoder({
      output: (frame) => {
        const taken = this.#taken;
        this.#taken = null;
        if (taken) taken(frame);
        else frame.close();
      },
      error: (error) => this.#failed?.(error),
    });
    this.#decoder.configure({ codec, optimizeForLatency: true });
  }
}

/** Profile and level of the access unit's sequence parameter set (RFC 6381, 3.3). */
export function codecOf(unit: Uint8Array): string {
  for (let at = 0; at + 6 < unit.length; at++) {
    const starts = unit[at] === 0 && unit[at + 1] === 0 && unit[at + 2] === 1;
    if (!starts || (unit[at + 3]! & 0x1f) !== 7) continue;
    const bytes = [...unit.subarray(at + 4, at + 7)];
    return `avc1.${bytes.map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
  }
  throw new Error("the video does not say what it is");
}
