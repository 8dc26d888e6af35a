import { Skeleton } from "@mantine/core";
import { lazy, Suspense, useCallback, useEffect, useMemo, useState } from "react";
import type { AlarmMark, PanelLimits } from "@/components/Chart/panel";
import { OverviewAxis } from "@/components/Chart/OverviewAxis";
import { Fault } from "@/components/Fault/Fault";
import { useAlarms } from "@/components/Alarm/useAlarms";
import { useAction } from "@/hooks/useAction";
import { useMayChange } from "@/hooks/useProject";
import { Headline } from "./Headline";
import { IntervalTools } from "./IntervalTools";
import { LastImage } from "./LastImage";
import { NoImage } from "./NoImage";
import { Panels } from "./Panels";
import { SelectionBar, type Chosen } from "./SelectionBar";
import { columnName, intervalText, isGauge, usePulse, useSeries, usualPanels, useView, USUAL_FILTERS, type Series } from "./session";
import { Strip } from "./Strip";
import classes from "./Session.module.css";

const Filters = lazy(() => import("./Filters").then(({ Filters: found }) => ({ default: found })));
const ScatterBox = lazy(() => import("./ScatterBox").then(({ ScatterBox: found }) => ({ default: found })));

const SessionClasses = lazy(() => import("@/components/Classes/ClassStrip").then(({ SessionClasses: found }) => ({ default: found })));
const AlarmList = lazy(() => import("@/components/Alarm/AlarmList").then(({ AlarmList: found }) => ({ default: found })));

const NO_ALARMS: never[] = [];

/** The session at a glance, then in time, then image by image. */
export function SessionPage({ project }: { project: string }) {
  const view = useView();
  const pulse = usePulse(project, view.stretch);
  const alarms = useAlarms(project).data;
  useMark("session-headline", pulse.data !== undefined);
  if (pulse.error && !pulse.data) return <Fault error={pulse.error} retry={() => void pulse.refetch()} />;
  const open = alarms?.open ?? NO_ALARMS;
  if (pulse.data && pulse.data.images === 0) return <NoImage project={project} why={pulse.data.why} />;
  return (
    <div className={classes.page}>
      <Headline pulse={pulse.data} alarms={open} />
      {open.length > 0 && <Alarms project={project} />}
      <Strip pulse={pulse.data} />
      <Charts project={project} view={view} now={pulse.data?.time} alarms={[...open, ...(alarms?.recent ?? NO_ALARMS)]} />
      {open.length === 0 && (alarms?.recent.length ?? 0) > 0 && <Alarms project={project} />}
    </div>
  );
}

/** Above the figures while something is wrong; at the end of the page where only some alarms have passed. */
function Alarms({ project }: { project: string }) {
  return (
    <Suspense fallback={<Skeleton height={120} />}>
      <div className={classes.box}>
        <AlarmList project={project} />
      </div>
    </Suspense>
  );
}

interface ChartsGiven {
  project: string;
  view: ReturnType<typeof useView>;
  now: number | undefined;
  alarms: { raised: number; severity: string; column: string | null }[];
}

function Charts({ project, view, now, alarms }: ChartsGiven) {
  const { params, set, interval, stretch, ranges, condition } = view;
  const [selecting, setSelecting] = useState(false);
  const [chosen, setChosen] = useState<Chosen | null>(null);
  const asked = params.get("panels");
  const columns = useMemo(() => asked?.split(",").filter((name) => name && !isGauge(name)), [asked]);
  const series = useSeries(project, columns, stretch, condition, 1500);
  const panels = useMemo(() => (asked ? asked.split(",") : usualPanels(series.data)), [asked, series.data]);
  const window = useWindow(series.data, series.isPlaceholderData, stretch);
  useMark("session-panels", series.data !== undefined);

  const zoom = useCallback((from: number, to: number) => set({ t: intervalText(from, Math.max(to, from + 60)) }), [set]);
  const select = useCallback((from: number, to: number) => setChosen({ kind: "time", from, to }), []);
  const hold = useCallback((id: number | null) => set({ hold: id === null ? null : String(id) }), [set]);
  const onLimits = useLimits(project, series.data);
  const marks = useMemo<AlarmMark[]>(() => alarms.map(({ raised, severity, column }) => ({ time: raised, severity, column })), [alarms]);
  const selected = useMemo<[number, number] | null>(() => (chosen?.kind === "time" ? [chosen.from, chosen.to] : null), [chosen]);
  const ids = useMemo(() => (chosen?.kind === "ids" ? new Set(chosen.ids) : null), [chosen]);
  const filters = params.get("h")?.split(",") ?? USUAL_FILTERS;
  const colour = params.get("c") ?? "shift_group";
  return (
    <>
      <div className={classes.columns}>
        <section className={classes.box} aria-label="Time series" style={{ minHeight: 560 }}>
          <IntervalTools project={project} interval={interval} onInterval={(t) => set({ t })} selecting={selecting} onSelecting={setSelecting} panels={panels} onPanels={(list) => set({ panels: list.join(",") })} window={window} />
          {series.error && !series.data ? (
            <Fault error={series.error} retry={() => void series.refetch()} />
          ) : (
            <Panels panels={panels} series={series.data} window={window} selected={selected} alarms={marks} selecting={selecting} onZoom={zoom} onSelect={select} onPick={hold} onLimits={onLimits} />
          )}
          {series.data && window && <OverviewAxis times={series.data.overview.times} values={series.data.overview.values} width={series.data.overview.width} window={window} onWindow={zoom} marks={marks.map(({ time }) => time)} />}
        </section>
        <div className={classes.aside}>
          <LastImage project={project} held={params.get("hold") ? Number(params.get("hold")) : null} onHold={hold} now={now} />
          <Suspense fallback={null}>
            <SessionClasses project={project} className={classes.box} />
          </Suspense>
        </div>
      </div>
      <Suspense fallback={<Skeleton height={300} />}>
        <Filters project={project} stretch={stretch} columns={filters} onColumns={(list) => set({ h: list.join(",") })} ranges={ranges} onRanges={(next) => set({ f: Object.keys(next).length ? JSON.stringify(next) : null })} condition={condition} images={series.data?.images} />
        <ScatterBox project={project} stretch={stretch} condition={condition} x={params.get("x") ?? "defocus"} y={params.get("y") ?? "fit_resolution"} colour={colour === "none" ? "" : colour} onAxes={set} selected={ids} onIds={(list) => setChosen({ kind: "ids", ids: list })} onPick={hold} />
      </Suspense>
      {chosen && <SelectionBar project={project} chosen={chosen} condition={condition} onClear={() => setChosen(null)} />}
    </>
  );
}

/** The interval on the axis: at once what was asked for, where that is known without the answer. */
function useWindow(series: Series | undefined, old: boolean, { from, to }: { from?: number; to?: number }): [number, number] | null {
  const [start, end] = from !== undefined && to !== undefined && (old || !series) ? [from, to] : [series?.from ?? null, series?.to ?? null];
  return useMemo(() => (start === null || end === null ? null : [start, end]), [start, end]);
}

/** Sets limits of a column, with Undo; `undefined` where the user may not. */
function useLimits(project: string, series: Series | undefined) {
  const may = useMayChange(project);
  const { mutate } = useAction(project);
  const before = useMemo(() => Object.fromEntries(Object.entries(series?.columns ?? {}).map(([name, { limits }]) => [name, limits])), [series]);
  const set = useCallback(
    (column: string, limits: PanelLimits | null) => {
      const old = before[column] ?? null;
      const write = (next: PanelLimits | null) => ({ name: "set_limits" as const, body: { limits: { [column]: next ? { ...next } : null } } });
      mutate({ ...write(limits), told: `Limits of ${columnName(column).toLowerCase()} set`, undo: () => mutate(write(old)) });
    },
    [before, mutate],
  );
  return may ? set : undefined;
}

/** Notes when something was first seen, for measurements in the browser. */
function useMark(name: string, seen: boolean): void {
  useEffect(() => {
    if (seen && performance.getEntriesByName(name).length === 0) requestAnimationFrame(() => performance.mark(name));
  }, [name, seen]);
}
