/** Small plots in SVG: lines over time, and bars. Colours come from the sheet. */

const WIDTH = 320;
const HEIGHT = 96;

/** @param {string} tag @param {Record<string, any>} attributes @param {...any} children */
function s(tag, attributes, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  element.append(...children);
  return element;
}

/** The next round number, so that a plot's top says something. @param {number} most */
function roundUp(most) {
  if (!(most > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(most));
  return (/** @type {number} */ ([1, 2, 5, 10].find((step) => step * power >= most)) ?? 10) * power;
}

/** Lines over time, the newest at the right. @param {string} label @param {Record<string, (number | null)[]>} series @param {Show} show @param {number} [top] */
export function lines(label, series, show, top) {
  const length = Math.max(2, ...Object.values(series).map((points) => points.length));
  const most = top ?? roundUp(Math.max(0, ...Object.values(series).flat().map((value) => value ?? 0)));
  const paths = Object.values(series).map((points, index) => {
    let path = "";
    points.forEach((value, at) => {
      if (value === null) return;
      const x = WIDTH - ((points.length - 1 - at) * WIDTH) / (length - 1);
      path += `${path ? "L" : "M"}${x.toFixed(1)} ${(HEIGHT - (Math.min(value, most) / most) * HEIGHT).toFixed(1)}`;
    });
    return s("path", { d: path || "M0 0", class: `line line-${index}` });
  });
  return frame(label, show(most), paths);
}

/** Bars from the left. @param {string} label @param {{name: string, value: number}[]} bars @param {Show} show @param {number} [width] */
export function bars(label, bars, show, width = WIDTH) {
  const most = roundUp(Math.max(0, ...bars.map((bar) => bar.value)));
  const step = width / Math.max(1, bars.length);
  return frame(label, show(most), bars.map((bar, at) => {
    const height = Math.max(bar.value > 0 ? 1 : 0, (Math.max(0, bar.value) / most) * HEIGHT);
    return s("rect", { x: (at * step + step * 0.12).toFixed(1), y: (HEIGHT - height).toFixed(1), width: (step * 0.76).toFixed(1), height: height.toFixed(1), class: "bar-fill" },
      s("title", {}, `${bar.name}: ${show(bar.value)}`));
  }), width);
}

/** @param {string} label @param {string} top @param {Element[]} content @param {number} [width] */
function frame(label, top, content, width = WIDTH) {
  return s("svg", { viewBox: `0 -12 ${width} ${HEIGHT + 14}`, role: "img", "aria-label": label, class: "plot" },
    ...[0, 0.5, 1].map((part) => s("line", { x1: 0, x2: width, y1: HEIGHT * part, y2: HEIGHT * part, class: "grid" })),
    s("text", { x: width, y: -3, class: "top" }, top), ...content);
}
