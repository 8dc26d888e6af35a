import { useElementSize } from "@mantine/hooks";
import { useMemo, useRef, useState, type KeyboardEvent, type PointerEvent } from "react";
import { formatTime } from "@/components/format";
import "./chart.css";

type Ends = [from: number, to: number];
type Part = "from" | "to" | "move" | "new";

export interface OverviewAxisProps {
  /** Starts of stretches of the whole session, s since 1970, and the images in each. */
  times: number[];
  values: (number | null)[];
  width: number | null;
  window: Ends;
  onWindow: (from: number, to: number) => void;
  /** Times of alarms. */
  marks?: number[];
}

const HEIGHT = 40;
const SIDE = 54;
const END = 10;

/** The whole session, with the shown interval that is dragged, widened at its ends, or drawn anew. */
export function OverviewAxis({ times, values, width: step, window, onWindow, marks = [] }: OverviewAxisProps) {
  const { ref, width } = useElementSize();
  const [drawn, setDrawn] = useState<Ends | null>(null);
  const drag = useRef<{ part: Part; at: number; ends: Ends } | null>(null);
  const first = times[0] ?? window[0];
  const last = Math.max((times[times.length - 1] ?? window[1]) + (step ?? 0), window[1]);
  const room = Math.max(1, width - SIDE - END);
  const place = (time: number) => SIDE + Math.min(1, Math.max(0, (time - first) / (last - first || 1))) * room;
  const timeAt = (x: number) => first + Math.min(1, Math.max(0, (x - SIDE) / room)) * (last - first);
  const bars = useMemo(() => barsOf(times, values, step, place), [times, values, step, width, last]); // eslint-disable-line react-hooks/exhaustive-deps
  const [from, to] = drawn ?? window;

  const begin = (part: Part) => (event: PointerEvent<SVGElement>) => {
    event.stopPropagation();
    event.preventDefault();
    const svg = event.currentTarget.ownerSVGElement ?? event.currentTarget;
    svg.setPointerCapture(event.pointerId);
    drag.current = { part, at: timeAt(event.clientX - svg.getBoundingClientRect().left), ends: [from, to] };
  };
  const move = (event: PointerEvent<SVGSVGElement>) => {
    if (!drag.current) return;
    const { part, at, ends } = drag.current;
    const now = timeAt(event.clientX - event.currentTarget.getBoundingClientRect().left);
    setDrawn(movedEnds(part, ends, at, now, [first, last]));
  };
  const end = () => {
    const wide = drawn && drawn[1] - drawn[0] > (last - first) / 500;
    if (drag.current && wide) onWindow(...drawn);
    drag.current = null;
    setDrawn(null);
  };
  const key = (part: "from" | "to") => (event: KeyboardEvent) => {
    const by = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 }[event.key];
    if (!by) return;
    event.preventDefault();
    const moved = by * (last - first) * (event.shiftKey ? 0.05 : 0.01);
    onWindow(part === "from" ? Math.min(to - 60, from + moved) : from, part === "to" ? Math.max(from + 60, to + moved) : to);
  };
  return (
    <div ref={ref} style={{ height: HEIGHT, width: "100%", minWidth: 0 }}>
      {width > 0 && (
        <svg width={width} height={HEIGHT} style={{ display: "block", touchAction: "pan-y", cursor: "crosshair" }} onPointerDown={begin("new")} onPointerMove={move} onPointerUp={end} onPointerCancel={end} role="group" aria-label="The whole session, with the shown interval">
          <text className="chart-text" x={SIDE - 6} y={24} textAnchor="end">session</text>
          <rect x={SIDE} y={2} width={room} height={HEIGHT - 4} fill="var(--panel)" stroke="var(--line)" />
          <path d={bars} fill="var(--chart-bar)" aria-hidden />
          {marks.map((time) => <path key={time} d={`M${place(time) - 4} 2h8l-4 6z`} fill="var(--chart-alarm)" aria-hidden />)}
          <rect x={place(from)} y={2} width={Math.max(2, place(to) - place(from))} height={HEIGHT - 4} fill="var(--chart-band)" stroke="var(--chart-point)" style={{ cursor: "grab" }} onPointerDown={begin("move")} />
          {(["from", "to"] as const).map((part) => (
            <g key={part} role="slider" tabIndex={0} className="chart-limit" aria-label={part === "from" ? "start of the interval" : "end of the interval"} aria-valuemin={first} aria-valuemax={last} aria-valuenow={part === "from" ? from : to} aria-valuetext={formatTime(part === "from" ? from : to)} onPointerDown={begin(part)} onKeyDown={key(part)}>
              <rect x={place(part === "from" ? from : to) - 11} y={0} width={22} height={HEIGHT} fill="transparent" />
              <rect className="chart-grip" x={place(part === "from" ? from : to) - 3} y={10} width={6} height={20} rx={2} fill="var(--chart-ink)" />
            </g>
          ))}
        </svg>
      )}
    </div>
  );
}

function movedEnds(part: Part, ends: Ends, at: number, now: number, [first, last]: Ends): Ends {
  if (part === "new") return [Math.min(at, now), Math.max(at, now)];
  if (part === "from") return [Math.min(now, ends[1]), ends[1]];
  if (part === "to") return [ends[0], Math.max(now, ends[0])];
  const by = Math.min(last - ends[1], Math.max(first - ends[0], now - at));
  return [ends[0] + by, ends[1] + by];
}

function barsOf(times: number[], values: (number | null)[], step: number | null, place: (time: number) => number): string {
  const most = Math.max(1, ...values.map((value) => value ?? 0));
  return times
    .map((time, n) => {
      const tall = ((values[n] ?? 0) / most) * (HEIGHT - 12);
      const [a, b] = [place(time), place(time + (step ?? 0))];
      return tall > 0 ? `M${a.toFixed(1)} ${HEIGHT - 3}h${Math.max(0.6, b - a - 0.4).toFixed(1)}v${(-tall).toFixed(1)}H${a.toFixed(1)}z` : "";
    })
    .join("");
}
