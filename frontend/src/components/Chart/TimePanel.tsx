import { useElementSize } from "@mantine/hooks";
import { memo, useEffect, useRef, type KeyboardEvent, type ReactNode } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { alignedData, plotOptions, type AlarmMark, type PanelData, type PanelState } from "./panel";
import type { Writing } from "./scale";
import classes from "./TimePanel.module.css";
import { useChartColours } from "./useChartColours";

export interface TimePanelProps {
  /** What the chart shows, in a sentence. */
  label: string;
  data: PanelData;
  writing: Writing;
  window: [number, number];
  selected: [number, number] | null;
  alarms: AlarmMark[];
  height: number;
  /** Whether the time axis is written below. */
  foot: boolean;
  /** Whether dragging selects images, which Shift does anyway. */
  selecting: boolean;
  onZoom: (from: number, to: number) => void;
  onSelect: (from: number, to: number) => void;
  /** A click on a point. */
  onPick?: (index: number) => void;
  /** What is told of a point, one line each. */
  tell: (index: number) => string[];
  /** Handles of limits, drawn over the plot. */
  children?: ReactNode;
}

/** One figure against time; its cursor goes with those of the other panels. Arrows pan, + and − zoom. */
export const TimePanel = memo(function TimePanel(props: TimePanelProps) {
  const { ref, width } = useElementSize();
  const host = useRef<HTMLDivElement>(null);
  const tip = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const colours = useChartColours();
  const given = useRef(props);
  given.current = props;
  const began = useRef<{ shift: boolean } | null>(null);
  const state = useRef<PanelState>(null!);
  const { data, window, selected, alarms, writing, height, foot } = props;
  state.current = { data, colours, window, selected, alarms, writing };
  const kind = `${Boolean(data.least)} ${Boolean(data.steps)} ${Boolean(data.line)} ${writing.turned} ${foot}`;
  const ready = width > 0;

  useEffect(() => {
    if (!ready || !host.current) return;
    const stepped = uPlot.paths.bars?.({ size: [0.92, 4000], align: 0 });
    const hooks = { setSelect: [chosen], setCursor: [(u: uPlot) => pointed(u, tip.current, given.current)] };
    const made = new uPlot(plotOptions(state, { width: host.current.clientWidth, height }, foot, stepped, hooks), alignedData(state.current.data), host.current);
    plot.current = made;
    const forget = listen(made, given, began);
    return () => {
      forget();
      made.destroy();
      plot.current = null;
    };
    function chosen(u: uPlot) {
      const mine = began.current;
      began.current = null;
      if (u.select.width < 4) return;
      const ends = [u.posToVal(u.select.left, "x"), u.posToVal(u.select.left + u.select.width, "x")] as const;
      u.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
      if (!mine) return; // the drag is that of another panel, whose cursor this one follows
      if (given.current.selecting || mine.shift) given.current.onSelect(...ends);
      else given.current.onZoom(...ends);
    }
  }, [ready, kind, height, foot]);

  useEffect(() => {
    if (width > 0) plot.current?.setSize({ width, height });
  }, [width, height]);
  useEffect(() => {
    plot.current?.setData(alignedData(data), true);
  }, [data]);
  useEffect(() => {
    plot.current?.setScale("x", { min: window[0], max: window[1] });
    plot.current?.redraw(false, true);
  }, [window, selected, alarms, colours]);

  return (
    <div
      ref={ref}
      className={classes.panel}
      style={{ height }}
      tabIndex={0}
      role="group"
      aria-roledescription="chart"
      aria-label={props.label}
      onKeyDown={(event) => moved(event, props)}
    >
      <div ref={host} className={classes.host} />
      <div ref={tip} className={classes.tip} role="status" aria-live="off" hidden />
      {props.children}
    </div>
  );
});

/** Where a drag began, whether with Shift, and clicks on points. */
function listen(u: uPlot, given: { current: TimePanelProps }, began: { current: { shift: boolean } | null }): () => void {
  let start = 0;
  const down = (event: MouseEvent) => {
    start = event.clientX;
    began.current = { shift: event.shiftKey };
  };
  const click = (event: MouseEvent) => {
    const index = u.cursor.idx;
    if (Math.abs(event.clientX - start) < 4 && index != null) given.current.onPick?.(index);
  };
  u.over.addEventListener("mousedown", down);
  u.over.addEventListener("click", click);
  return () => {
    u.over.removeEventListener("mousedown", down);
    u.over.removeEventListener("click", click);
  };
}

/** Write what is under the cursor, straight into the page: sixty times a second nothing else may be drawn anew. */
function pointed(u: uPlot, tip: HTMLDivElement | null, props: TimePanelProps): void {
  if (!tip) return;
  const index = u.cursor.idx;
  const here = u.over.matches(":hover");
  const value = index == null ? null : props.data.values[index];
  if (index == null || value == null || u.cursor.left === undefined || u.cursor.left < 0) {
    tip.hidden = true;
    return;
  }
  const lines = props.tell(index);
  tip.hidden = false;
  tip.dataset.full = here ? "yes" : "no";
  tip.textContent = here ? lines.join("\n") : (lines[0] ?? "");
  const left = u.cursor.left + 54;
  const flip = left > u.width - 220;
  tip.style.left = flip ? "" : `${left + 12}px`;
  tip.style.right = flip ? `${u.width - left + 12}px` : "";
}

function moved(event: KeyboardEvent, props: TimePanelProps): void {
  if (event.target !== event.currentTarget) return;
  const [from, to] = props.window;
  const span = to - from;
  const by = (shift: number, grow: number) => {
    event.preventDefault();
    props.onZoom(from + shift * span - grow * span, to + shift * span + grow * span);
  };
  if (event.key === "ArrowLeft") by(-0.2, 0);
  else if (event.key === "ArrowRight") by(0.2, 0);
  else if (event.key === "+" || event.key === "=") by(0, -0.25);
  else if (event.key === "-") by(0, 0.5);
}
