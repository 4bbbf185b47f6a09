// Takes the frames that a track carries before the browser looks for pictures in them.

import { Stills } from "./stills";

/** Of a worker's `rtctransform`; TypeScript's library of pages does not know it. */
interface Transform extends Event {
  readonly transformer: { readonly readable: ReadableStream<{ readonly data: ArrayBuffer }> };
}

self.addEventListener("rtctransform", (event) => {
  const stills = new Stills();
  const reader = (event as Transform).transformer.readable.getReader();
  const read = async () => {
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      const taken = stills.take(new Uint8Array(next.value.data));
      if (taken instanceof ArrayBuffer) self.postMessage(taken, { transfer: [taken] });
      else if (taken !== null) self.postMessage(taken);
    }
  };
  void read();
});
