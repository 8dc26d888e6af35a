import classes from "./Picks.module.css";

interface Given {
  label: string;
  value: number | null;
  /** Where the slider stands when nothing is set: at an end, which it means, or at the value that the picker took. */
  rest: "low" | "high" | number;
  range: [number, number] | null;
  disabled?: boolean;
  set: (value: number | null) => void;
  className?: string;
}

/** A threshold: a slider, the number to type, and a word where none is set. */
export function LimitSlider({ label, value, rest, range, disabled, set, className }: Given) {
  const [low, high] = range ?? [0, 1];
  const step = stepOf(low, high);
  const at = value ?? (rest === "low" ? low : rest === "high" ? high : rest);
  const isFree = (given: number) => (rest === "low" && given <= low) || (rest === "high" && given >= high);
  const slid = (given: number) => set(isFree(given) ? null : given);
  return (
    <div className={className ?? classes.slide}>
      <span>{label}</span>
      <input
        type="range"
        aria-label={label}
        min={low}
        max={high}
        step={step}
        value={Math.min(high, Math.max(low, at))}
        disabled={disabled || range === null}
        onChange={(event) => slid(Number(event.currentTarget.value))}
      />
      <input
        className={classes.number}
        type="number"
        aria-label={`${label}, number`}
        step={step}
        value={value === null ? "" : Number(value.toPrecision(5))}
        placeholder={typeof rest === "number" ? "picked" : "any"}
        disabled={disabled}
        onChange={(event) => set(event.currentTarget.value === "" ? null : Number(event.currentTarget.value))}
      />
    </div>
  );
}

/** A round step, two hundred of which go over the range. */
export function stepOf(low: number, high: number): number {
  const most = (high - low) / 200;
  if (!(most > 0)) return 0.01;
  const power = 10 ** Math.floor(Math.log10(most));
  return [5, 2].map((n) => n * power).find((n) => n <= most) ?? power;
}
