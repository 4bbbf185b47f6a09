// What a guest's host has drawn: where it is seen on a slice, and the lines that it is there. The desktop's are in
// ../../../render-core/reading/src/{annotation,draw}.rs. Nobody can change it here.

import { type Line, ellipseOf, told } from "./annotation";
import type { Drawing, Measured, ServerMessage } from "./protocol";
import { type Pixel, type Placement, type Sight, type Vec, add, cross, distanceMm, dot, length, minus, normalOf, pixelFromPatient, times } from "./sight";
import { t } from "./texts";

type Told = Extract<ServerMessage, { type: "drawn" }>;

const HEAD_PX = 12;
const CROSS_PX = 6;
/** Corners of a curve drawn as a line of many. */
const CORNERS = 72;
/** Planes whose normals agree so well are parallel. */
const SAME_PLANE = 0.9999;
/** The fewest points of each kind. */
const POINTS: Readonly<Record<Drawing["kind"], number>> = {
  probe: 1,
  length: 2,
  angle: 3,
  cobb: 4,
  bidirectional: 4,
  ellipse: 4,
  rectangle: 4,
  freehand: 3,
  box: 2,
  ellipsoid: 2,
  arrow: 2,
  keyImage: 1,
};

/** What a host has drawn, by series. */
export class Lists {
  readonly #lists = new Map<string, { number: number; drawings: readonly Drawing[] }>();

  /** A series' drawings, in place of those before, unless something newer was told already: two ways may bring lists out of order. */
  take({ number, seriesInstanceUid, drawings }: Told): void {
    if (number > (this.#lists.get(seriesInstanceUid)?.number ?? 0)) this.#lists.set(seriesInstanceUid, { number, drawings: drawings.filter(hasSize) });
  }

  clear(): void {
    this.#lists.clear();
  }

  on(series: string): readonly Drawing[] {
    return this.#lists.get(series)?.drawings ?? [];
  }

  /** All of those on series that are open. */
  all(isOpen: (series: string) => boolean): readonly Drawing[] {
    return [...this.#lists].flatMap(([series, { drawings }]) => (drawings.length > 0 && isOpen(series) ? drawings : []));
  }
}

/** What has only been begun has all its points in one place, and is nothing yet. */
function hasSize({ kind, pointsMm: [first, ...others] }: Drawing): boolean {
  return POINTS[kind] === 1 || others.some((point) => length(minus(point, first!)) > 1e-6);
}

export interface HostedLine extends Line {
  /** Joins what belongs together, and is nothing measured. */
  dashed?: true;
}

/** What is seen of it on a slice whose surroundings are shown as far as `reachMm`; null where it lies elsewhere. */
export function seen(drawing: Drawing, sight: Sight, reachMm: number): readonly HostedLine[] | null {
  const { kind, pointsMm: p, plane } = drawing;
  if (p.length < POINTS[kind]) return null;
  const within = p.every((point) => Math.abs(distanceMm(sight, point)) <= reachMm * (1 + 1e-6));
  const parallel = Math.abs(dot(normalOf(plane), normalOf(sight))) > SAME_PLANE;
  const pixels = (points: readonly Vec[], closed = false): HostedLine => ({ points: points.map((point) => pixelFromPatient(sight, point)), closed });
  if (kind === "box" || kind === "ellipsoid") {
    const section = (kind === "box" ? boxSection : ellipsoidSection)(p[0]!, p[1]!, plane, sight);
    return section && [pixels(section, true)];
  }
  if (!within || !(parallel || kind === "probe")) return null;
  switch (kind) {
    case "probe": {
      const [x, y] = pixelFromPatient(sight, p[0]!);
      const bar = (dx: number, dy: number): Line => ({ points: [[x - dx, y - dy], [x + dx, y + dy]], closed: false });
      return [bar(CROSS_PX, 0), bar(0, CROSS_PX)];
    }
    case "keyImage":
      return [];
    case "cobb": {
      const middles = [times(add(p[0]!, p[1]!), 0.5), times(add(p[2]!, p[3]!), 0.5)];
      return [pixels(p.slice(0, 2)), pixels(p.slice(2, 4)), { ...pixels(middles), dashed: true }];
    }
    case "bidirectional":
      return [pixels(p.slice(0, 2)), pixels(p.slice(2, 4))];
    case "ellipse":
      return [pixels(ellipseOf(p), true)];
    case "rectangle":
    case "freehand":
      return [pixels(p, true)];
    case "arrow": {
      const shaft = pixels(p.slice(0, 2));
      return [shaft, ...head(shaft.points[0]!, shaft.points[1]!)];
    }
    default:
      return [pixels(p)];
  }
}

/** Where its text stands: at an arrow's tail, else at the rightmost point of what is measured. */
export function place({ kind }: Drawing, drawn: readonly HostedLine[]): Pixel | null {
  if (kind === "arrow") return drawn[0]?.points[1] ?? null;
  const points = drawn.flatMap((line) => (line.dashed ? [] : line.points));
  return points.reduce<Pixel | null>((best, p) => (best === null || p[0] > best[0] ? p : best), null);
}

/** What it is, with what the host calls it where that is to be seen, and all that was measured: for the list. */
export function listed({ kind, label, quantities }: Drawing, named: boolean): { kind: string; told: string } {
  const name = kind === "keyImage" ? t("key-image") : t(kind);
  return { kind: named && label ? `${name} · ${label}` : name, told: kind === "keyImage" ? "" : told({ measured: measuredAs(quantities) }, true).join("\n") };
}

function measuredAs(quantities: Drawing["quantities"]): Measured {
  return { type: "measured", request: 0, quantities, histogram: [], doubt: null, lengthsBy: null };
}

/** Whose it is, what the host calls it where that is to be seen, and what the host's window has measured. */
export function rows({ kind, label, quantities }: Drawing, named: boolean): readonly string[] {
  const name = (named && label) || (kind === "keyImage" ? t("key-image") : "");
  return [name ? t("host-drew-as", { label: name }) : t("host-drew"), ...(kind === "keyImage" ? [] : told({ measured: measuredAs(quantities) }, false))];
}

function head(tip: Pixel, tail: Pixel): readonly Line[] {
  const [dx, dy] = [tail[0] - tip[0], tail[1] - tip[1]];
  const size = Math.max(Math.hypot(dx, dy), 1e-9);
  const [x, y] = [dx / size, dy / size];
  return [-0.5, 0.5].map((side) => ({ points: [tip, [tip[0] + (x - y * side) * HEAD_PX, tip[1] + (y + x * side) * HEAD_PX]], closed: false }));
}

/** The middle of a solid, and half its extent to the right, down and along the normal of its plane. */
function solid(a: Vec, b: Vec, plane: Placement): { center: Vec; axes: readonly [Vec, Vec, Vec]; half: Vec } {
  const axes = [plane.right, plane.down, normalOf(plane)] as const;
  const along = (axis: Vec) => Math.abs(dot(minus(b, a), axis)) / 2;
  return { center: times(add(a, b), 0.5), axes, half: [along(axes[0]), along(axes[1]), along(axes[2])] };
}

/** Where a plane cuts a box: the crossings of its edges, in order. */
function boxSection(a: Vec, b: Vec, plane: Placement, sight: Sight): readonly Vec[] | null {
  const { center, axes, half } = solid(a, b, plane);
  const corner = (n: number) => axes.reduce((at, axis, i) => add(at, times(axis, (n >> i) & 1 ? half[i]! : -half[i]!)), center);
  const crossings: Vec[] = [];
  for (let n = 0; n < 8; n += 1) {
    for (let axis = 0; axis < 3; axis += 1) {
      if ((n >> axis) & 1) continue;
      const [from, to] = [corner(n), corner(n | (1 << axis))];
      const [near, far] = [distanceMm(sight, from), distanceMm(sight, to)];
      if (near <= 0 !== far <= 0) crossings.push(add(from, times(minus(to, from), near / (near - far))));
    }
  }
  if (crossings.length < 3) return null;
  const middle = times(crossings.reduce(add), 1 / crossings.length);
  const angle = (p: Vec) => Math.atan2(dot(minus(p, middle), sight.down), dot(minus(p, middle), sight.right));
  return crossings.sort((p, q) => angle(p) - angle(q));
}

/** Where a plane cuts an ellipsoid. In the space where that is a unit sphere, it is a circle. */
function ellipsoidSection(a: Vec, b: Vec, plane: Placement, sight: Sight): readonly Vec[] | null {
  const { center, axes, half } = solid(a, b, plane);
  const radii = half.map((r) => Math.max(r, 1e-9)) as unknown as Vec;
  const toSphere = (v: Vec): Vec => [dot(v, axes[0]) / radii[0], dot(v, axes[1]) / radii[1], dot(v, axes[2]) / radii[2]];
  const fromSphere = (v: Vec): Vec => axes.reduce<Vec>((sum, axis, i) => add(sum, times(axis, v[i]! * radii[i]!)), [0, 0, 0]);
  const [right, down] = [toSphere(sight.right), toSphere(sight.down)];
  const across = cross(right, down);
  if (length(across) === 0) return null;
  const normal = times(across, 1 / length(across));
  const away = dot(toSphere(minus(sight.centerMm, center)), normal);
  const radius = Math.sqrt(1 - away * away);
  if (!(radius > 0)) return null;
  const first = times(right, 1 / length(right));
  const second = cross(normal, first);
  return Array.from({ length: CORNERS }, (_, i) => {
    const angle = (2 * Math.PI * i) / CORNERS;
    const around = add(times(first, Math.cos(angle)), times(second, Math.sin(angle)));
    return add(center, fromSphere(add(times(normal, away), times(around, radius))));
  });
}
