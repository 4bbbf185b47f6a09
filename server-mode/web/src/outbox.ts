// Commands that went by WebRTC and may be lost with it: they are done once and in order, whatever way breaks.

import type { ClientMessage } from "./protocol";

/** What begins anew by itself where the way changes, or is only of use at once. */
const PASSING: readonly ClientMessage["type"][] = ["ack", "ackDrawn", "ping", "repaint", "values", "accept", "stats", "offer", "candidate", "transport"];

export class Outbox {
  /** Went by the channel for commands, oldest first; nothing tells yet that they were done. */
  #unproven: { seq: number; message: ClientMessage }[] = [];
  /** Wait until the server tells what was done, oldest first; null while nothing has to wait. */
  #held: ClientMessage[] | null = null;

  /** A message went by the channel for commands. */
  sent(message: ClientMessage, seq: number): void {
    if (!PASSING.includes(message.type)) this.#unproven.push({ seq, message });
  }

  /** What was sent before this number was done: the channel keeps its order, and a later ping was answered. */
  proven(seq: number): void {
    this.#unproven = this.#unproven.filter((command) => command.seq > seq);
  }

  /** WebRTC was given up: the server will tell what it has done of it. */
  left(): void {
    this.#held ??= [];
  }

  /** Takes a message that has to wait for those that may be lost; false where it may go. */
  holds(message: ClientMessage): boolean {
    if (!this.#held || PASSING.includes(message.type)) return false;
    const last = this.#held.at(-1);
    const isMove = (one: ClientMessage) => one.type === "pointer" && one.kind === "move";
    if (last && isMove(last) && isMove(message) && "view" in last && "view" in message && last.view === message.view) this.#held.pop();
    this.#held.push(message);
    return true;
  }

  /** The server has done all up to this number of the channel, or nothing. Returns what to send now, in order. */
  done(seq: number | null): ClientMessage[] {
    const lost = this.#unproven.filter((command) => seq === null || command.seq > seq).map(({ message }) => message);
    const next = [...lost, ...(this.#held ?? [])];
    this.clear();
    return next;
  }

  /** Another connection tells what there is. */
  clear(): void {
    this.#unproven = [];
    this.#held = null;
  }
}
