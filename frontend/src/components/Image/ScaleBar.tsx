import classes from "./Image.module.css";
import { scaleBar } from "./scale";

/** A scale bar in the lower left corner; `width` is what the whole width shows, in Å. */
export function ScaleBar({ width }: { width: number }) {
  const { part, text } = scaleBar(width);
  return (
    <span className={classes.bar} style={{ width: `${(100 * part).toFixed(2)}%` }} aria-label={`scale bar ${text}`}>
      {text}
      <i />
    </span>
  );
}
