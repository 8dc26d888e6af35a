import classes from "./Viewer.module.css";

const KEYS: [string, string][] = [
  ["+  −  wheel", "zoom at the middle, or at the cursor"],
  ["0   1", "all of the image; one pixel to one pixel"],
  ["← → ↑ ↓  drag", "move"],
  ["[   ]", "darker, brighter"],
  [",   .", "less contrast, more contrast"],
  ["A   I", "contrast by itself; invert"],
  ["F", "spectrum beside the image"],
  ["S  Shift-drag", "choose a rectangle for the spectrum; Esc gives it up"],
  ["T   C", "Thon rings; curves"],
  ["L", "level of the spectrum taken off, or its logarithm"],
  ["E   X", "pick by hand; show picks below the thresholds"],
  ["B   K", "while picking: rub out; set or take away in the middle"],
  ["Z   Y   W", "while picking: undo, redo, save"],
  ["N   P", "next image, previous image"],
  ["Space   G", "play a stack; gallery"],
  ["H", "panel with contrast, layers and rings"],
  ["D", "save the picture with its scale bar"],
  ["Enter", "full screen"],
  ["?", "this list"],
];

export function KeysHelp({ close }: { close: () => void }) {
  return (
    <div className={classes.sheet} role="dialog" aria-label="Keys">
      <h2>Keys</h2>
      <div className={classes.keys}>
        {KEYS.map(([keys, what]) => (
          <div key={keys} style={{ display: "contents" }}>
            <kbd>{keys}</kbd>
            <span>{what}</span>
          </div>
        ))}
      </div>
      <p style={{ marginBottom: 0 }}>
        <button type="button" className={classes.button} style={{ border: "1px solid #3a4147" }} onClick={close} autoFocus>
          Close
        </button>
      </p>
    </div>
  );
}
