// A view as a picture: its own pixels, and over them what the page writes and draws there.

import { t } from "./texts";

/** All that is written, line by line. */
const TEXTS = ".corner > div:not(.ruler), .title, .badge, .letter, .ruler > span";

/**
 * The picture of a view at rest, in its own pixels. Patient data is written with `named` only, whether it is on screen or not. Null where
 * there is no picture.
 */
export function snapshot(root: HTMLElement, named: boolean): HTMLCanvasElement | null {
  const pictures = [...root.querySelectorAll<HTMLCanvasElement>(".surface canvas:not([hidden])")];
  const [first] = pictures;
  if (!first || first.width === 0) return null;
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [first.width, first.height];
  const context = canvas.getContext("2d", { alpha: false });
  if (!context) return null;
  for (const picture of pictures) context.drawImage(picture, 0, 0, canvas.width, canvas.height);
  const box = root.getBoundingClientRect();
  const by = Math.min(canvas.width / box.width, canvas.height / box.height);
  context.translate((canvas.width - box.width * by) / 2, (canvas.height - box.height * by) / 2);
  context.scale(by, by);
  context.translate(-box.left, -box.top);
  for (const sketch of root.querySelectorAll<SVGSVGElement>(".sketch")) drawSvg(context, sketch);
  for (const ruler of root.querySelectorAll<SVGSVGElement>(".ruler:not([hidden]) svg")) drawSvg(context, ruler);
  for (const line of root.querySelectorAll<HTMLElement>(TEXTS)) {
    if (line.closest(".demographics") ? named : line.checkVisibility()) write(context, line);
  }
  context.font = `600 12px ${getComputedStyle(root).fontFamily}`;
  context.textAlign = "center";
  outlined(context, t("notice"), box.left + box.width / 2, box.bottom - 34, "#f2b84b");
  return canvas;
}

function drawSvg(context: CanvasRenderingContext2D, svg: SVGSVGElement): void {
  const { left, top } = svg.getBoundingClientRect();
  context.save();
  context.translate(left, top);
  for (const shape of svg.querySelectorAll<SVGElement>("path, circle, rect, tspan")) {
    const style = getComputedStyle(shape);
    if (style.display === "none") continue;
    context.globalAlpha = Number(style.strokeOpacity);
    context.strokeStyle = style.stroke;
    context.lineWidth = parseFloat(style.strokeWidth);
    context.setLineDash(style.strokeDasharray === "none" ? [] : style.strokeDasharray.split(",").map(parseFloat));
    const number = (name: string) => Number(shape.getAttribute(name));
    if (shape instanceof SVGPathElement) context.stroke(new Path2D(shape.getAttribute("d") ?? ""));
    else if (shape instanceof SVGCircleElement) {
      const circle = new Path2D();
      circle.arc(number("cx"), number("cy"), number("r"), 0, 2 * Math.PI);
      context.stroke(circle);
    } else if (shape instanceof SVGRectElement) {
      context.globalAlpha = 1;
      context.fillStyle = style.fill;
      context.fillRect(number("x"), number("y"), number("width"), number("height"));
    } else {
      context.globalAlpha = 1;
      context.font = `${style.fontWeight} ${style.fontSize} ${style.fontFamily}`;
      context.textAlign = "left";
      outlined(context, shape.textContent ?? "", number("x"), number("y"), style.fill);
    }
  }
  context.restore();
}

/** A line of text where it is on the page, cut where that cuts it. */
function write(context: CanvasRenderingContext2D, line: HTMLElement): void {
  const { left, top, width, height } = line.getBoundingClientRect();
  const words = line.innerText.replace(/\s+/g, " ").trim() || (line.textContent ?? "");
  if (width === 0 || words === "") return;
  const style = getComputedStyle(line);
  context.save();
  context.beginPath();
  context.rect(left - 2, top - 2, width + 4, height + 4);
  context.clip();
  context.font = `${style.fontWeight} ${style.fontSize} ${style.fontFamily}`;
  context.textBaseline = "middle";
  const right = style.textAlign === "right" || style.textAlign === "end";
  const padding = parseFloat(style.paddingLeft);
  context.textAlign = right ? "right" : "left";
  outlined(context, words, right ? left + width - padding : left + padding, top + height / 2, style.color);
  context.restore();
}

function outlined(context: CanvasRenderingContext2D, words: string, x: number, y: number, color: string): void {
  context.setLineDash([]);
  context.lineJoin = "round";
  context.lineWidth = 3;
  context.strokeStyle = "#000";
  context.strokeText(words, x, y);
  context.fillStyle = color;
  context.fillText(words, x, y);
}
