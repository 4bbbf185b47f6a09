// How a host's views lie in its window, and so in the page of its guest.

import type { Cell, Shared } from "./protocol";

/** What a host shows, as it was told last. */
export class Host {
  /** In the order of the host's window. */
  views: readonly number[] = [];
  grid = gridOf({ views: [], layout: null });
  /** The view that hides the others in the host's window. */
  maximised: number | null = null;
  #number = 0;

  /** A connection is new: its numbers are, too. */
  begin(): void {
    this.#number = 0;
  }

  /** Returns what has changed; null where something newer was told before, which another way may bring about. */
  take({ number, views, layout }: Shared): { maximised: boolean } | null {
    if (number <= this.#number) return null;
    const before = this.maximised;
    this.#number = number;
    this.views = views;
    this.grid = gridOf({ views, layout });
    this.maximised = layout?.maximised ?? null;
    return { maximised: before !== this.maximised };
  }
}

/** A grid's tracks, and the lines between which each view lies in it: values of CSS. */
export interface Grid {
  template: string;
  areas: ReadonlyMap<number, string>;
}

/** Edges that differ by less are one. */
const PARTS = 10_000;

type Box = readonly [left: number, top: number, right: number, bottom: number];

/** The grid in which views lie as in the host's window, or as in a square where the host does not tell. */
export function gridOf({ views, layout }: Pick<Shared, "views" | "layout">): Grid {
  const boxes = new Map<number, Box>();
  place(layout?.root ?? square(views), [0, 0, PARTS, PARTS], boxes);
  const edges = (near: 0 | 1) => [...new Set([0, PARTS, ...[...boxes.values()].flatMap((box) => [box[near], box[near + 2]!])])].sort((a, b) => a - b);
  const [across, down] = [edges(0), edges(1)];
  const tracks = (lines: readonly number[]) => lines.slice(1).map((line, i) => `minmax(0, ${line - lines[i]!}fr)`).join(" ");
  const area = ([left, top, right, bottom]: Box) =>
    [down.indexOf(top), across.indexOf(left), down.indexOf(bottom), across.indexOf(right)].map((line) => line + 1).join(" / ");
  return { template: `${tracks(down)} / ${tracks(across)}`, areas: new Map([...boxes].map(([view, box]) => [view, area(box)])) };
}

function place(cell: Cell, box: Box, boxes: Map<number, Box>): void {
  if (cell.kind === "view") boxes.set(cell.view, box);
  if (cell.kind !== "row" && cell.kind !== "column") return;
  const near = cell.kind === "row" ? 0 : 1;
  const [start, length] = [box[near], box[near + 2]! - box[near]];
  const sum = cell.shares.reduce((a, b) => a + b, 0);
  let before = 0;
  cell.cells.forEach((part, i) => {
    const at = (share: number) => Math.round(start + (length * share) / sum);
    const [from, to] = [at(before), at(before + cell.shares[i]!)];
    before += cell.shares[i]!;
    // What is thinner than a part of the whole is not to be seen.
    if (to > from) place(part, near === 0 ? [from, box[1], to, box[3]] : [box[0], from, box[2], to], boxes);
  });
}

/** Rows of as many as there are rows, filled row by row. */
function square(views: readonly number[]): Cell {
  const columns = Math.ceil(Math.sqrt(views.length));
  const rows = Array.from({ length: Math.ceil(views.length / Math.max(columns, 1)) }, (_, row): Cell => {
    const cells = Array.from({ length: columns }, (_, column): Cell => {
      const view = views[row * columns + column];
      return view === undefined ? { kind: "empty" } : { kind: "view", view };
    });
    return { kind: "row", cells, shares: cells.map(() => 1) };
  });
  return { kind: "column", cells: rows, shares: rows.map(() => 1) };
}
