import {
  IconArrowLeft, IconArrowsMaximize, IconChartLine, IconChevronLeft, IconChevronRight, IconCircleDotted, IconDots, IconDownload, IconHelp,
  IconLayoutSidebarRight, IconMinus, IconPlus, IconRectangle, IconWaveSine, IconZoomScan,
} from "@tabler/icons-react";
import { useState, type ComponentType } from "react";
import type { State } from "./state";
import classes from "./Viewer.module.css";

export interface Choice {
  value: string;
  label: string;
}

export interface Actions {
  back: () => void;
  next: (() => void) | null;
  previous: (() => void) | null;
  zoom: (factor: number) => void;
  fit: () => void;
  save: () => void;
  fullScreen: () => void;
  help: () => void;
  selecting: boolean;
  setSelecting: (selecting: boolean) => void;
}

interface Given {
  title: string;
  choices: Choice[];
  chosen: string;
  choose: (value: string) => void;
  state: State;
  update: (change: Partial<State>) => void;
  actions: Actions;
}

/** What the viewer does, by buttons; every one has a key too. */
export function TopBar({ title, choices, chosen, choose, state, update, actions }: Given) {
  const [open, setOpen] = useState(false);
  return (
    <header className={classes.top}>
      <Tool icon={IconArrowLeft} label="Back" onClick={actions.back} />
      <h1 className={classes.title} title={title}>
        {title}
      </h1>
      {choices.length > 1 && (
        <select className={classes.select} aria-label="Which picture" value={chosen} onChange={(event) => choose(event.target.value)}>
          {choices.map(({ value, label }) => (
            <option key={value} value={value}>
              {label}
            </option>
          ))}
        </select>
      )}
      <Tool icon={IconChevronLeft} label="Previous image (P)" onClick={actions.previous} />
      <Tool icon={IconChevronRight} label="Next image (N)" onClick={actions.next} />
      <span className={classes.gap} />
      <Tool icon={IconWaveSine} label="FFT" text="FFT" pressed={state.fft} onClick={() => update({ fft: !state.fft })} />
      <Tool icon={IconLayoutSidebarRight} label="Panel (H)" pressed={state.panel} onClick={() => update({ panel: !state.panel })} />
      <div className={classes.more} data-open={open || undefined} id="viewer-tools" role="group" aria-label="More tools" onClick={() => setOpen(false)}>
        <Tool icon={IconMinus} label="Zoom out (−)" onClick={() => actions.zoom(1 / 1.5)} />
        <Tool icon={IconPlus} label="Zoom in (+)" onClick={() => actions.zoom(1.5)} />
        <Tool icon={IconZoomScan} label="Show all (0)" onClick={actions.fit} />
        <Tool icon={IconRectangle} label="Choose a rectangle (S)" pressed={actions.selecting} onClick={() => actions.setSelecting(!actions.selecting)} />
        <Tool icon={IconCircleDotted} label="Thon rings (T)" pressed={state.fft && state.thon} onClick={() => update({ thon: !(state.fft && state.thon), fft: true, panel: true })} />
        <Tool icon={IconChartLine} label="Curves (C)" pressed={state.fft && state.curve} onClick={() => update({ curve: !(state.fft && state.curve), fft: true })} />
        <Tool icon={IconDownload} label="Save as PNG (D)" onClick={actions.save} />
        <Tool icon={IconArrowsMaximize} label="Full screen (Enter)" onClick={actions.fullScreen} />
        <Tool icon={IconHelp} label="Keys (?)" onClick={actions.help} />
      </div>
      <button type="button" className={`${classes.button} ${classes.onPhone}`} title="More tools" aria-label="More tools" aria-expanded={open} aria-controls="viewer-tools" onClick={() => setOpen(!open)}>
        <IconDots size={17} stroke={1.8} aria-hidden />
      </button>
    </header>
  );
}

interface ToolGiven {
  icon: ComponentType<{ size?: number | string; stroke?: number; "aria-hidden"?: boolean }>;
  label: string;
  text?: string;
  pressed?: boolean;
  onClick: (() => void) | null;
}

function Tool({ icon: Icon, label, text, pressed, onClick }: ToolGiven) {
  return (
    <button type="button" className={classes.button} title={label} aria-label={label} aria-pressed={pressed} disabled={!onClick} onClick={() => onClick?.()}>
      <Icon size={17} stroke={1.8} aria-hidden />
      {text}
      <span className={classes.word} aria-hidden>
        {label.replace(/ \(.+\)$/, "")}
      </span>
    </button>
  );
}
