/** Lengths for people: a scale bar of a round length, and Å or nm or µm. */

/** The largest of 1, 2, 5 × 10ⁿ that is not above `most`. */
export function roundLength(most: number): number {
  if (!(most > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(most));
  for (const step of [5, 2]) if (step * power <= most) return step * power;
  return power;
}

/** Å → "50 Å", "20 nm", "1 µm". */
export function lengthText(angstrom: number): string {
  if (angstrom >= 1e4) return `${trim(angstrom / 1e4)} µm`;
  if (angstrom >= 100) return `${trim(angstrom / 10)} nm`;
  return `${trim(angstrom)} Å`;
}

function trim(value: number): string {
  return Number(value.toPrecision(3)).toString();
}

/** A scale bar: its part of the width (0..1) and its text. `width` is the width of what is shown, Å (or px). */
export function scaleBar(width: number, unit: "Å" | "px" = "Å", share = 0.3): { part: number; text: string } {
  const length = roundLength(width * share);
  return { part: length / width, text: unit === "px" ? `${length} px` : lengthText(length) };
}
