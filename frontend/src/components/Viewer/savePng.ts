/** What is seen, as a PNG file: the image with what lies over it, and the scale bar. */

export async function savePng(pane: HTMLElement, name: string, bar: { part: number; text: string } | null): Promise<void> {
  const canvas = pane.querySelector("canvas");
  if (!canvas) return;
  const out = document.createElement("canvas");
  out.width = canvas.width;
  out.height = canvas.height;
  const pen = out.getContext("2d")!;
  pen.drawImage(canvas, 0, 0);
  const overlay = pane.querySelector("svg");
  if (overlay) pen.drawImage(await pictureOf(overlay), 0, 0, out.width, out.height);
  if (bar) drawBar(pen, out, bar, out.width / Math.max(1, canvas.clientWidth));
  const blob = await new Promise<Blob | null>((done) => out.toBlob(done, "image/png"));
  if (!blob) return;
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = `${name}.png`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

async function pictureOf(svg: SVGSVGElement): Promise<HTMLImageElement> {
  const copy = svg.cloneNode(true) as SVGSVGElement;
  copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  const url = URL.createObjectURL(new Blob([new XMLSerializer().serializeToString(copy)], { type: "image/svg+xml" }));
  const image = new Image();
  image.src = url;
  await image.decode();
  URL.revokeObjectURL(url);
  return image;
}

function drawBar(pen: CanvasRenderingContext2D, out: HTMLCanvasElement, bar: { part: number; text: string }, density: number): void {
  const [x, y, width] = [14 * density, out.height - 18 * density, bar.part * out.width];
  pen.fillStyle = "rgba(0, 0, 0, 0.6)";
  pen.fillRect(x - 6 * density, y - 20 * density, width + 12 * density, 30 * density);
  pen.fillStyle = "#fff";
  pen.fillRect(x, y, width, 4 * density);
  pen.font = `${13 * density}px system-ui, sans-serif`;
  pen.textAlign = "center";
  pen.fillText(bar.text, x + width / 2, y - 5 * density);
}
