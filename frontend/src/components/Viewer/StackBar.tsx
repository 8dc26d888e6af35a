import { IconLayoutGrid, IconPlayerPause, IconPlayerPlay } from "@tabler/icons-react";
import { useEffect } from "react";
import classes from "./Viewer.module.css";

interface Given {
  frames: number;
  frame: string;
  isVolume: boolean;
  playing: boolean;
  busy: boolean;
  setFrame: (frame: string) => void;
  setPlaying: (playing: boolean) => void;
  openGallery: () => void;
}

const PER_SECOND = 8;

/** Frames of a stack: a slider, play, sum and mean, gallery. */
export function StackBar({ frames, frame, isVolume, playing, busy, setFrame, setPlaying, openGallery }: Given) {
  const at = Number.isInteger(Number(frame)) ? Number(frame) : null;
  const word = isVolume ? "section" : "frame";
  useEffect(() => {
    if (!playing || busy) return;
    const late = setTimeout(() => setFrame(String(((at ?? -1) + 1) % frames)), 1000 / PER_SECOND);
    return () => clearTimeout(late);
  }, [playing, busy, at, frames, setFrame]);
  return (
    <div className={classes.bar} role="group" aria-label={`The ${word}s`}>
      <button type="button" className={classes.button} aria-label={playing ? "Pause" : `Play the ${word}s`} aria-pressed={playing} onClick={() => setPlaying(!playing)}>
        {playing ? <IconPlayerPause size={17} aria-hidden /> : <IconPlayerPlay size={17} aria-hidden />}
      </button>
      <input className={classes.slider} type="range" min={0} max={frames - 1} value={at ?? 0} aria-label={`Number of the ${word}`} onChange={(event) => setFrame(event.target.value)} />
      <output style={{ minWidth: 92, whiteSpace: "nowrap" }}>
        {at === null ? `${frame} of ${frames}` : `${word} ${at} of ${frames}`}
      </output>
      {["sum", "mean"].map((kind) => (
        <button key={kind} type="button" className={classes.button} aria-pressed={frame === kind} onClick={() => setFrame(kind)}>
          {kind === "sum" ? "Sum" : "Mean"}
        </button>
      ))}
      <button type="button" className={classes.button} onClick={openGallery} aria-label="Gallery">
        <IconLayoutGrid size={17} aria-hidden />
      </button>
    </div>
  );
}
