import { Skeleton } from "@mantine/core";
import { memo, useCallback, useMemo } from "react";
import type { AlarmMark, PanelData, PanelLimits } from "@/components/Chart/panel";
import { writing as writingOf } from "@/components/Chart/scale";
import { TimePanel } from "@/components/Chart/TimePanel";
import { counted, formatCount, formatDuration, formatTime, UNKNOWN } from "@/components/format";
import { LimitForm, LimitHandles } from "./LimitHandles";
import { columnName, isGauge, type Gauge, type Series, type SeriesColumn } from "./session";
import classes from "./Session.module.css";

export interface PanelsProps {
  panels: string[];
  series: Series | undefined;
  /** Shown while new data are on their way; the interval goes at once. */
  window: [number, number] | null;
  selected: [number, number] | null;
  alarms: AlarmMark[];
  selecting: boolean;
  onZoom: (from: number, to: number) => void;
  onSelect: (from: number, to: number) => void;
  onPick: (id: number) => void;
  onLimits?: (column: string, limits: PanelLimits | null) => void;
}

const HEIGHT = 104;
const FOOT = 16;

/** Panels of the chosen columns on one time axis, with one cursor. */
export function Panels(props: PanelsProps) {
  const { panels, series, window } = props;
  if (!series || !window) return Array.from({ length: 6 }, (_, n) => <Skeleton key={n} height={HEIGHT} mt={22} />);
  const drawn = panels.filter((name) => (isGauge(name) ? name === "rate" || series[name].values.some((value) => value != null) : (series.columns[name]?.known ?? 0) > 0));
  return drawn.map((name, n) => <Panel key={name} {...props} name={name} series={series} window={window} foot={n === drawn.length - 1} />);
}

const Panel = memo(function Panel({ name, series, window, selected, alarms, selecting, onZoom, onSelect, onPick, onLimits, foot }: PanelsProps & { name: string; series: Series; window: [number, number]; foot: boolean }) {
  const gauge = isGauge(name) ? name : null;
  const column = gauge ? null : series.columns[name]!;
  const data = useMemo(() => (gauge ? gaugeOf(series, gauge) : dataOf(series, series.columns[name]!)), [series, gauge, name]);
  const writing = useMemo(() => writingOf(name, gauge ? GAUGE_UNITS[gauge] : column?.unit, data.high - data.low), [name, gauge, column, data]);
  const height = HEIGHT + (foot ? FOOT : 0);
  const tell = useCallback((index: number) => (column ? told(series, name, column, data, index, writing) : gaugeTold(series, name as Gauge, index)), [series, name, column, data, writing]);
  const pick = useCallback(
    (index: number) => {
      const id = column && !series.reduced ? series.ids[index] : undefined;
      if (id !== undefined) onPick(id);
      else if (column && series.width) onZoom(data.times[index]! - series.width * 20, data.times[index]! + series.width * 20);
    },
    [series, column, data, onPick, onZoom],
  );
  const setLimits = useMemo(() => (onLimits ? (limits: PanelLimits | null) => onLimits(name, limits) : undefined), [onLimits, name]);
  const relevant = useMemo(() => alarms.filter((alarm) => alarm.column === null || alarm.column === name), [alarms, name]);
  return (
    <section aria-label={columnName(name)}>
      <div className={classes.panelHead}>
        <b>{columnName(name)}</b>
        <span className={classes.quiet}>
          {writing.unit}
          {writing.turned && " ↓ worse"}
        </span>
        <span className={classes.grow} />
        {column && <FarOut column={column} turned={writing.turned} text={writing.text} />}
        {column && <span className={`${classes.quiet} ${classes.wide}`}>median {writing.text(column.typical)}</span>}
        {column && setLimits && <LimitForm column={name} limits={column.limits} writing={writing} onLimits={setLimits} />}
      </div>
      <TimePanel
        label={sentenceOf(name, series, column, writing)}
        data={data}
        writing={writing}
        window={window}
        selected={selected}
        alarms={relevant}
        height={height}
        foot={foot}
        selecting={selecting}
        onZoom={onZoom}
        onSelect={onSelect}
        onPick={pick}
        tell={tell}
      >
        {column && <LimitHandles column={name} data={data} writing={writing} height={height} foot={foot} onLimits={setLimits} />}
      </TimePanel>
    </section>
  );
});

/** How many values lie beyond the scale, where triangles are drawn. */
function FarOut({ column, turned, text }: { column: SeriesColumn; turned: boolean; text: (value: number | null) => string }) {
  const parts = [
    column.over > 0 && `${turned ? "▼" : "▲"} ${formatCount(column.over)} above ${text(column.high)}`,
    column.under > 0 && `${turned ? "▲" : "▼"} ${formatCount(column.under)} below ${text(column.low)}`,
  ].filter(Boolean);
  return parts.length > 0 && <span className={classes.far}>{parts.join(", ")}</span>;
}

function dataOf(series: Series, column: SeriesColumn): PanelData {
  return { times: series.times, values: column.median, least: column.least, greatest: column.greatest, low: column.low ?? 0, high: column.high ?? 1, limits: column.limits };
}

const GAUGE_UNITS: Record<Gauge, string> = { rate: "/h", queue: "tasks", free_space: "GB" };
const GAUGE_DIGITS: Record<Gauge, number> = { rate: 0, queue: 0, free_space: 1 };

/** Counts stand on zero; free space fills the panel, so that one sees how it goes. */
function gaugeOf(series: Series, name: Gauge): PanelData {
  const { times, values } = series[name];
  const known = values.filter((value) => value != null);
  const [least, most] = known.length ? [Math.min(...known), Math.max(...known)] : [0, 1];
  if (name === "free_space") return { times, values, low: Math.max(0, Math.min(least, most - 1)), high: Math.max(most, least + 1), line: true };
  return { times, values, low: 0, high: Math.max(1, most), steps: name === "rate", line: name === "queue" };
}

function sentenceOf(name: string, series: Series, column: SeriesColumn | null, writing: ReturnType<typeof writingOf>): string {
  const stretch = `from ${formatTime(series.from)} to ${formatTime(series.to)}`;
  const unit = writing.unit ? ` ${writing.unit}` : "";
  const keys = "Arrow keys move the interval, plus and minus zoom.";
  if (!column) {
    const gauge = name as Gauge;
    const last = series[gauge].values.findLast((value) => value != null);
    return `${columnName(name)} ${stretch}, last ${last == null ? UNKNOWN : `${last.toFixed(GAUGE_DIGITS[gauge])} ${GAUGE_UNITS[gauge]}`}. ${keys}`;
  }
  return `${columnName(name)} of ${counted(column.known, "image")} ${stretch}: ${writing.text(column.low)} to ${writing.text(column.high)}${unit}, median ${writing.text(column.typical)}, last ${writing.text(column.last)}. ${keys}`;
}

/** What is told of a point: the value first, then image, time and job. */
function told(series: Series, name: string, column: SeriesColumn, data: PanelData, index: number, writing: ReturnType<typeof writingOf>): string[] {
  const unit = writing.unit ? ` ${writing.unit}` : "";
  const full = (value: number | null | undefined) => (value == null ? UNKNOWN : String(Number((value * writing.scale).toPrecision(6))));
  const value = `${full(data.values[index])}${unit}`;
  const time = formatTime(data.times[index]);
  const rest = [series.reduced ? `${time} ± ${Math.round((series.width ?? 0) / 2)} s` : time, column.job ? `by ${column.job}` : columnName(name)];
  if (series.reduced) return [value, `${full(data.least?.[index])} to ${full(data.greatest?.[index])}`, ...rest];
  return [value, series.names[index] ?? "", ...rest];
}

function gaugeTold(series: Series, name: Gauge, index: number): string[] {
  const { times, values, width } = series[name];
  const value = values[index];
  const span = `in ${formatDuration(width)}`;
  if (name === "rate") return [`${(value ?? 0).toFixed(0)} images/h`, formatTime(times[index]), span];
  if (value == null) return [UNKNOWN, formatTime(times[index]), "no engine ran"];
  if (name === "queue") return [`${counted(value, "task")} in the queue`, formatTime(times[index]), `the most ${span}`];
  return [`${value.toFixed(1)} GB free`, formatTime(times[index]), `the least ${span}`];
}
