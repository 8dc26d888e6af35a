import { useEffect, useState } from "react";
import { getJson, urlOf, type Facts, type Place, type Values } from "./place";

/** The value of the pixel under the cursor, asked for when the cursor rests a moment. */
export function useValue(place: Place | null, facts: Facts | undefined, point: [number, number] | null): number | null {
  const [value, setValue] = useState<{ key: string; value: number } | null>(null);
  const inside = facts && point && point[0] >= 0 && point[1] >= 0 && point[0] < facts.width && point[1] < facts.height;
  const [x, y] = inside ? [Math.floor(point[0]), Math.floor(point[1])] : [-1, -1];
  const key = `${x} ${y} ${facts?.frame} ${facts?.stamp}`;
  useEffect(() => {
    if (!place || !facts || x < 0 || facts.blurred) return;
    const control = new AbortController();
    const late = setTimeout(() => {
      getJson<Values>(urlOf(place, "values", { x, y, frame: facts.frame }), control.signal)
        .then((found) => setValue({ key, value: found.values[0]![0]! }))
        .catch(() => undefined);
    }, 40);
    return () => {
      clearTimeout(late);
      control.abort();
    };
  }, [place, facts, x, y, key]);
  return value?.key === key ? value.value : null;
}
