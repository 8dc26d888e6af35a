import { useState, type ReactNode } from "react";
import { formatNumber } from "@/components/format";
import { AUTO, limitsOf } from "./contrast";
import { Histogram } from "./Histogram";
import type { Facts } from "./place";
import type { State } from "./state";
import { ThonPanel } from "./ThonPanel";
import classes from "./Viewer.module.css";

export interface Layer {
  name: string;
  label: string;
  /** Why it can't be shown. */
  reason: string | null;
}

interface Given {
  facts: Facts;
  state: State;
  layers: Layer[];
  update: (change: Partial<State>) => void;
  /** What belongs to a layer. */
  more?: ReactNode;
}

/** Contrast, layers, rings, and what is known of the image. */
export function Panel({ facts, state, layers, update, more }: Given) {
  const { contrast } = state;
  const level = facts.levels.findIndex(([nx, ny]) => Math.max(nx, ny) <= 1536);
  const range = facts.ranges[level < 0 ? facts.ranges.length - 1 : level]!;
  const [low, high] = limitsOf(contrast, range);
  return (
    <aside className={classes.panel} aria-label="Contrast, layers and rings">
      <h2>Contrast</h2>
      {facts.histogram && <Histogram histogram={facts.histogram} range={range} contrast={contrast} change={(contrast) => update({ contrast })} />}
      <div className={classes.row}>
        <span className={classes.quiet} style={{ flex: 1 }}>
          {facts.blurred ? "Values are not told to guests" : `${short(low)} to ${short(high)}`}
        </span>
        <button type="button" className={classes.button} onClick={() => update({ contrast: AUTO })}>
          Auto
        </button>
        <button type="button" className={classes.button} aria-pressed={contrast.invert} onClick={() => update({ contrast: { ...contrast, invert: !contrast.invert } })}>
          Invert
        </button>
      </div>
      {layers.length > 0 && <h2>Layers</h2>}
      {layers.map(({ name, label, reason }) => (
        <div key={name} className={classes.row}>
          <label title={reason ?? undefined} className={reason ? classes.quiet : undefined}>
            <input
              type="checkbox"
              checked={state.layers.includes(name)}
              disabled={reason !== null}
              onChange={(event) => update({ layers: event.target.checked ? [...state.layers, name] : state.layers.filter((entry) => entry !== name) })}
            />{" "}
            {label}
            {reason && <span style={{ display: "block", fontSize: 12, paddingLeft: 20 }}>{reason}</span>}
          </label>
        </div>
      ))}
      {more}
      {state.fft && <FourierPart facts={facts} state={state} update={update} />}
      <h2>Image</h2>
      <Known facts={facts} />
    </aside>
  );
}

function FourierPart({ facts, state, update }: Omit<Given, "layers" | "more">) {
  const [text, setText] = useState(state.rings.join(", "));
  const set = (value: string) => {
    setText(value);
    update({ rings: value.split(/[\s,;]+/).map(Number).filter((r) => r > 0 && Number.isFinite(r)) });
  };
  return (
    <>
      <h2>Spectrum</h2>
      <div className={classes.row}>
        <label htmlFor="rings">Rings at (Å)</label>
        <input id="rings" className={classes.number} style={{ textAlign: "left", width: 120 }} value={text} placeholder="10, 3.7" onChange={(event) => set(event.target.value)} />
      </div>
      <div className={classes.row}>
        <label>
          <input type="checkbox" checked={state.flat} onChange={(event) => update({ flat: event.target.checked })} /> Level taken off
        </label>
      </div>
      <div className={classes.row}>
        <label>
          <input type="checkbox" checked={state.curve} onChange={(event) => update({ curve: event.target.checked })} /> Curves
        </label>
      </div>
      <div className={classes.row}>
        <label>
          <input type="checkbox" checked={state.thon} onChange={(event) => update({ thon: event.target.checked })} /> Thon rings (zeros of the CTF)
        </label>
      </div>
      {state.thon && <ThonPanel state={state} facts={facts} update={update} />}
    </>
  );
}

function Known({ facts }: { facts: Facts }) {
  const { statistics: found } = facts;
  const rows: [string, string][] = [
    ["File", facts.file],
    ["Size", `${facts.width} × ${facts.height} px${facts.n_frames > 1 ? ` × ${facts.n_frames}` : ""}`],
    ["Stored as", `${facts.type} (${facts.format})`],
    ["Pixel size", facts.pixel_size ? `${Number(facts.pixel_size.toPrecision(5))} Å` : "–"],
    ...(facts.gain ? [["Gain reference", facts.gain] as [string, string]] : []),
    ["Voltage", facts.voltage ? `${facts.voltage} kV` : "–"],
    ["Mean", short(found?.mean)],
    ["Std. deviation", short(found?.stddev)],
    ["Range", found ? `${short(found.minimum)} to ${short(found.maximum)}` : "–"],
  ];
  return (
    <>
      {rows.map(([name, value]) => (
        <div key={name} className={classes.row} style={{ alignItems: "baseline" }}>
          <span className={classes.quiet} style={{ flex: "0 0 96px" }}>
            {name}
          </span>
          <span style={{ overflowWrap: "anywhere" }}>{value}</span>
        </div>
      ))}
      {facts.warnings.map((text) => (
        <p key={text} role="note" style={{ color: "#ffc14d", margin: "6px 0" }}>
          {text}
        </p>
      ))}
    </>
  );
}

function short(value: number | null | undefined): string {
  if (value === null || value === undefined) return "–";
  return Math.abs(value) >= 1000 || value === 0 ? formatNumber(value, 0) : Number(value.toPrecision(4)).toString();
}
