(function () {
  const root = document.currentScript.previousElementSibling.querySelector(".drl-kernel-editor");
  const { kernels, side, gain } = JSON.parse(root.dataset.settings);
  const [given, answer] = root.querySelectorAll("img");
  const weights = [...root.querySelectorAll("input[type=number]")];
  const relu = root.querySelector("input[type=checkbox]"), said = root.querySelector("[role=status]");
  const half = (side - 1) / 2;

  function pixels(image) { // one number in [0, 1] a pixel
    const canvas = document.createElement("canvas");
    canvas.width = image.naturalWidth;
    canvas.height = image.naturalHeight;
    const pen = canvas.getContext("2d");
    pen.drawImage(image, 0, 0);
    const { data } = pen.getImageData(0, 0, canvas.width, canvas.height);
    return { x: Float32Array.from({ length: data.length / 4 }, (_, i) => data[4 * i] / 255), canvas, pen };
  }

  function start() {
    const { x, canvas, pen } = pixels(given);
    const { width, height } = canvas;
    const inside = (i, n) => Math.min(Math.max(i, 0), n - 1); // the border is repeated
    const draw = () => {
      const w = weights.map((input) => Number(input.value) || 0);
      const shown = pen.createImageData(width, height);
      for (let i = 0; i < height; i++) {
        for (let j = 0; j < width; j++) {
          let r = 0;
          for (let k = 0; k < w.length; k++) {
            const row = inside(i + Math.floor(k / side) - half, height);
            r += w[k] * x[row * width + inside(j + (k % side) - half, width)];
          }
          const value = Math.round(255 * (relu.checked ? Math.max(r, 0) : 0.5 + gain * r));
          const at = 4 * (i * width + j);
          shown.data[at] = shown.data[at + 1] = shown.data[at + 2] = value; // clamped by its type
          shown.data[at + 3] = 255;
        }
      }
      pen.putImageData(shown, 0, 0);
      answer.src = canvas.toDataURL();
      const sum = w.reduce((a, b) => a + b, 0);
      said.textContent = `The weights sum to ${Number(sum.toFixed(3))}; ${relu.checked ? "black" : "grey"} is zero.`;
    };
    root.addEventListener("input", draw);
    root.querySelectorAll("button").forEach((button) => {
      button.addEventListener("click", () => {
        kernels[button.dataset.kernel].forEach((value, k) => { weights[k].value = value; });
        draw();
      });
    });
    draw();
  }
  if (given.complete) start();
  else given.addEventListener("load", start);
})();
