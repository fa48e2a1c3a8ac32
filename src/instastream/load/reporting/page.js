"use strict";
// Values under the pointer, in the legend; plots over time move together. Names hide their lines.
const figures = [...document.querySelectorAll("figure[data-points]")].map((figure) => ({
  figure,
  points: JSON.parse(figure.dataset.points),
  box: figure.querySelector(".box"),
})).filter(({ box }) => box);

const nearest = (xs, x) => xs.reduce((best, at, i) => Math.abs(at - x) < Math.abs(xs[best] - x) ? i : best, 0);

const clear = ({ figure, box }) => {
  box.querySelector("b").hidden = true;
  box.querySelectorAll("em").forEach((dot) => dot.remove());
  figure.querySelectorAll("output, .at").forEach((told) => { told.textContent = ""; });
};

const point = (one, i) => {
  clear(one);
  const { figure, points, box } = one;
  const [cross, left] = [box.querySelector("b"), `${points.xs[i] / 10}%`];
  one.at = i;
  cross.hidden = false;
  cross.style.left = left;
  figure.querySelector(".at").textContent = points.labels[i];
  const names = figure.querySelectorAll("li > button");
  points.series.forEach(({ ys, texts }, line) => {
    const shown = names[line].getAttribute("aria-pressed") === "true";
    names[line].parentNode.querySelector("output").textContent = shown ? texts[i] : "";
    if (!shown || ys[i] === null) return;
    const dot = box.appendChild(document.createElement("em"));
    dot.className = names[line].className;
    dot.style.left = left;
    dot.style.top = `${ys[i] / 10}%`;
  });
};

const together = (one) => one.figure.dataset.over === "time" ? figures.filter(({ figure }) => figure.dataset.over === "time") : [one];

const pointAll = (one, i) => {
  const label = one.points.labels[i];
  together(one).forEach((other) => {
    const same = other === one ? i : other.points.labels.indexOf(label);
    same < 0 ? clear(other) : point(other, same);
  });
};

figures.forEach((one) => {
  const { figure, points, box } = one;
  box.addEventListener("pointermove", (event) => {
    const { left, width } = box.getBoundingClientRect();
    pointAll(one, nearest(points.xs, (event.clientX - left) / width * 1000));
  });
  box.addEventListener("pointerleave", () => together(one).forEach(clear));
  box.addEventListener("blur", () => together(one).forEach(clear));
  box.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step) return;
    event.preventDefault();
    pointAll(one, Math.min(Math.max((one.at ?? -1) + step, 0), points.xs.length - 1));
  });
  figure.querySelectorAll("li > button").forEach((button, line) => button.addEventListener("click", () => {
    const pressed = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", pressed);
    clear(one);
    box.querySelectorAll("path")[line].classList.toggle("hidden", !pressed);
  }));
});
