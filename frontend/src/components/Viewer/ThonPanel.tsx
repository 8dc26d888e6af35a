import { formatNumber } from "@/components/format";
import type { Facts } from "./place";
import type { State } from "./state";
import type { Defocus, Optics } from "./thon";
import classes from "./Viewer.module.css";

/** What the microscope must be known by; `null` where voltage or pixel size is not known. */
export function opticsOf(facts: Facts | undefined): Optics | null {
  if (!facts?.voltage || !facts.pixel_size) return null;
  return {
    voltage: facts.voltage,
    sphericalAberration: facts.spherical_aberration ?? 2.7,
    amplitudeContrast: facts.amplitude_contrast ?? 0.07,
  };
}

/** The defocus that is shown: what was set by hand, else the fit, else a usual one. */
export function defocusOf(state: State, facts: Facts | undefined): Defocus {
  const fit = facts?.ctf;
  return (
    state.defocus ??
    (fit
      ? { u: fit.defocus_u, v: fit.defocus_v, angle: fit.astigmatism_angle, phaseShift: fit.phase_shift }
      : { u: 15000, v: 15000, angle: 0, phaseShift: 0 })
  );
}

interface Given {
  state: State;
  facts: Facts | undefined;
  update: (change: Partial<State>) => void;
}

/** The overlay of Thon rings: defocus along both axes, angle and phase shift to be moved, from the fit on. */
export function ThonPanel({ state, facts, update }: Given) {
  const optics = opticsOf(facts);
  const defocus = defocusOf(state, facts);
  const set = (change: Partial<Defocus>) => update({ defocus: { ...defocus, ...change } });
  if (!optics) return <p className={classes.quiet}>Voltage and pixel size are not known, so rings can't be computed.</p>;
  const assumed = facts?.spherical_aberration == null;
  return (
    <>
      <Slider label="Defocus U" unit="µm" digits={3} value={defocus.u / 1e4} least={0} most={6} step={0.002} set={(v) => set({ u: v * 1e4 })} />
      <Slider label="Defocus V" unit="µm" digits={3} value={defocus.v / 1e4} least={0} most={6} step={0.002} set={(v) => set({ v: v * 1e4 })} />
      <Slider label="Angle" unit="°" digits={0} value={defocus.angle} least={0} most={180} step={1} set={(v) => set({ angle: v })} />
      <Slider label="Phase shift" unit="°" digits={0} value={defocus.phaseShift} least={0} most={180} step={1} set={(v) => set({ phaseShift: v })} />
      <div className={classes.row}>
        <label>
          Rings over{" "}
          <select className={classes.select} value={state.thonPart} onChange={(event) => update({ thonPart: event.target.value as State["thonPart"] })}>
            <option value="all">all</option>
            <option value="half">one half</option>
            <option value="quadrant">a quadrant</option>
          </select>
        </label>
        <button type="button" className={classes.button} disabled={!state.defocus} onClick={() => update({ defocus: null })}>
          {facts?.ctf ? "Back to the fit" : "Reset"}
        </button>
      </div>
      <p className={classes.quiet}>
        {optics.voltage} kV, Cs {formatNumber(optics.sphericalAberration, 2)} mm{assumed ? " (assumed)" : ""}, amplitude contrast{" "}
        {formatNumber(optics.amplitudeContrast, 2)}
        {facts?.fit_resolution ? `, fit to ${formatNumber(facts.fit_resolution, 1)} Å` : ""}
      </p>
    </>
  );
}

interface SliderGiven {
  label: string;
  unit: string;
  digits: number;
  value: number;
  least: number;
  most: number;
  step: number;
  set: (value: number) => void;
}

export function Slider({ label, unit, digits, value, least, most, step, set }: SliderGiven) {
  return (
    <div>
      <div className={classes.row} style={{ marginBottom: 0 }}>
        <label>{label}</label>
        <output>
          {value.toFixed(digits)} {unit}
        </output>
      </div>
      <input className={classes.slider} type="range" aria-label={`${label} (${unit})`} min={least} max={most} step={step} value={value} onChange={(event) => set(Number(event.target.value))} />
    </div>
  );
}
