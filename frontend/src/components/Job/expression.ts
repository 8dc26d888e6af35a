/** Limits of columns in a filter's expression: found in its parts that are joined by "and", and changed there. */

const NUMBER = "(-?[0-9.]+(?:e[+-]?[0-9]+)?)";

/** The parts of an expression that are joined by "and" outside of brackets; one part where "or" joins them. */
function partsOf(text: string): string[] {
  const parts: string[] = [];
  let depth = 0, part = "";
  for (const word of text.split(/(\(|\)|\s+)/)) {
    depth += word === "(" ? 1 : word === ")" ? -1 : 0;
    if (depth === 0 && /^or$/i.test(word)) return [text];
    if (depth === 0 && /^and$/i.test(word)) {
      parts.push(part.trim());
      part = "";
    } else part += word;
  }
  return [...parts, part.trim()].filter(Boolean);
}

/** Columns that an expression speaks of. */
export function columnsOf(text: string, known: readonly string[]): string[] {
  const words = new Set(text.match(/[A-Za-z_]\w*/g) ?? []);
  return known.filter((name) => words.has(name));
}

function limitsOfPart(part: string, column: string): [number | null, number | null] | null {
  const both = new RegExp(`^${NUMBER}\\s*<=?\\s*${column}\\s*<=?\\s*${NUMBER}$`, "i").exec(part);
  if (both) return [Number(both[1]), Number(both[2])];
  const right = new RegExp(`^${column}\\s*(<=?|>=?)\\s*${NUMBER}$`, "i").exec(part);
  if (right) return right[1]!.startsWith("<") ? [null, Number(right[2])] : [Number(right[2]), null];
  const left = new RegExp(`^${NUMBER}\\s*(<=?|>=?)\\s*${column}$`, "i").exec(part);
  if (left) return left[2]!.startsWith("<") ? [Number(left[1]), null] : [null, Number(left[1])];
  return null;
}

/** Lowest and highest value that an expression lets pass of a column; `null` is no limit. */
export function limitsOf(text: string, column: string): [number | null, number | null] {
  let low: number | null = null, high: number | null = null;
  for (const part of partsOf(text)) {
    const found = limitsOfPart(part, column);
    if (found?.[0] != null) low = low === null ? found[0] : Math.max(low, found[0]);
    if (found?.[1] != null) high = high === null ? found[1] : Math.min(high, found[1]);
  }
  return [low, high];
}

/** The expression with other limits for a column; all else of it stays. */
export function withLimits(text: string, column: string, low: number | null, high: number | null): string {
  const known = new RegExp(`^${column} is not None$`, "i");
  const mine =
    low !== null && high !== null ? `${plain(low)} <= ${column} <= ${plain(high)}`
    : low !== null ? `${column} >= ${plain(low)}`
    : high !== null ? `${column} <= ${plain(high)}`
    : "";
  const parts = partsOf(text);
  const place = parts.findIndex((part) => limitsOfPart(part, column) !== null || known.test(part));
  const others = parts.filter((part) => limitsOfPart(part, column) === null && !known.test(part)).map((part) => (/\bor\b/i.test(part) && !part.startsWith("(") ? `(${part})` : part));
  if (mine) others.splice(place < 0 ? others.length : Math.min(place, others.length), 0, mine);
  return others.join(" and ") || `${column} is not None`;
}

function plain(value: number): string {
  return String(Number(value.toPrecision(6)));
}
