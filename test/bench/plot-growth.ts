/** A plot of growth: both axes logarithmic, one line a figure, as an SVG without anything from elsewhere. */
import type { GrowthFigures } from "./growth-world.ts";

const WIDTH = 720;
const HEIGHT = 420;
const LEFT = 70;
const BOTTOM = 50;

const LINES: readonly (readonly [name: string, colour: string, figureOf: (one: GrowthFigures) => number])[] =
  [
    ["server, KB", "#1b6ca8", (one) => one.serverBytes / 1_000],
    ["device, KB", "#c05a1b", (one) => one.deviceBytes / 1_000],
    ["ops, KB", "#888888", (one) => one.opBytes / 1_000],
    ["open, ms", "#2b8a3e", (one) => one.openMs],
    ["memory to open, MB", "#862e9c", (one) => one.openBytes / 1_000_000],
    ["send one more, ms", "#c92a2a", (one) => one.sendMs],
  ];

/** The figures of all sizes as one picture; a line that lacks a size is left out. */
export function plotGrowth(all: readonly GrowthFigures[]): string {
  const drawn = LINES.filter(([, , figureOf]) => all.every((one) => figureOf(one) > 0));
  const points = drawn.flatMap(([, , figureOf]) => all.map(figureOf)).filter((value) => value > 0);
  const [top, low] = [
    Math.ceil(Math.log10(Math.max(...points))),
    Math.floor(Math.log10(Math.min(...points))),
  ];
  const sizes = all.map(({ messages }) => Math.log10(messages));
  const [from, upto] = [Math.min(...sizes), Math.max(...sizes)];
  const x = (messages: number) =>
    LEFT + ((Math.log10(messages) - from) / Math.max(1, upto - from)) * (WIDTH - LEFT - 190);
  const y = (value: number) =>
    20 + ((top - Math.log10(Math.max(value, 10 ** low))) / (top - low)) * (HEIGHT - BOTTOM - 20);
  const grid = Array.from({ length: top - low + 1 }, (_, at) => {
    const value = 10 ** (low + at);
    return `<line x1="${LEFT}" x2="${WIDTH - 190}" y1="${y(value)}" y2="${y(value)}" stroke="#ddd"/><text x="${LEFT - 8}" y="${y(value) + 4}" text-anchor="end">${value.toLocaleString("en")}</text>`;
  });
  const ticks = all.map(
    ({ messages }) =>
      `<text x="${x(messages)}" y="${HEIGHT - BOTTOM + 22}" text-anchor="middle">${messages.toLocaleString("en")}</text>`,
  );
  const lines = drawn.map(([name, colour, figureOf], at) => {
    const path = all.map((one) => `${x(one.messages).toFixed(1)},${y(figureOf(one)).toFixed(1)}`).join(" ");
    return `<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="2"/><text x="${WIDTH - 180}" y="${40 + at * 20}" fill="${colour}">${name}</text>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${HEIGHT}" font-family="sans-serif" font-size="12"><title>How an account grows with its messages</title>${[...grid, ...ticks, ...lines].join("")}<text x="${LEFT}" y="${HEIGHT - 8}">messages</text></svg>\n`;
}
