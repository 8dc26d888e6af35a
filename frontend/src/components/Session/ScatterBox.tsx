import { Select, Skeleton } from "@mantine/core";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useCallback, useMemo } from "react";
import { client, need, type Schemas } from "@/client/client";
import { Scatter } from "@/components/Chart/Scatter";
import { writing, type Writing } from "@/components/Chart/scale";
import { colouring, legendOf } from "@/components/Chart/colouring";
import type { Point } from "@/components/Chart/scatterDraw";
import { Fault } from "@/components/Fault/Fault";
import { formatCount, formatTime } from "@/components/format";
import { useNumberColumns } from "./IntervalTools";
import { columnName, type Stretch } from "./session";
import classes from "./Session.module.css";

interface Given {
  project: string;
  stretch: Stretch;
  condition: string;
  x: string;
  y: string;
  colour: string;
  onAxes: (changes: Record<string, string | null>) => void;
  selected: Set<number> | null;
  onIds: (ids: number[]) => void;
  onPick: (id: number) => void;
}

const CONTEXT = ["time", "group_name", "square", "hole", "shift_group", "flag"];

/** Two columns against each other; a line drawn around points selects their images. */
export function ScatterBox({ project, stretch, condition, x: askedX, y: askedY, colour, onAxes, selected, onIds, onPick }: Given) {
  const numbers = useNumberColumns(project);
  // Columns come with the jobs that give them: until then others stand for the usual ones.
  const x = askedX === "time" || numbers.includes(askedX) ? askedX : "time";
  const y = askedY === "time" || numbers.includes(askedY) ? askedY : (numbers.find((name) => name === "drift_total") ?? numbers[0] ?? "time");
  const query = { ...stretch, x, y, where: condition || undefined };
  const found = useQuery({
    queryKey: ["p", project, "scatter", x, y, colour, stretch, condition],
    queryFn: () => need(client.GET("/api/projects/{project}/scatter", { params: { path: { project }, query: { ...query, colour: colour || undefined } } })),
    placeholderData: keepPreviousData,
    enabled: numbers.length > 0,
  });
  const axis = ["time", ...numbers].map((value) => ({ value, label: columnName(value) }));
  const colours = [...new Set([...CONTEXT, ...numbers])].map((value) => ({ value, label: columnName(value) }));
  const lasso = async (outline: Point[]) => {
    const text = outline.map((point) => point.map((value) => Number(value.toPrecision(9))).join(",")).join(";");
    const { ids } = await need(client.GET("/api/projects/{project}/scatter/within", { params: { path: { project }, query: { ...query, outline: text } } }));
    onIds(ids);
  };
  return (
    <section className={classes.box} aria-label="Scatter plot">
      <div className={classes.tools} style={{ marginBottom: 4 }}>
        <b>Scatter</b>
        <Choice label="Up" data={axis} value={y} onChange={(value) => onAxes({ y: value })} />
        <Choice label="against" data={axis} value={x} onChange={(value) => onAxes({ x: value })} />
        <Choice label="coloured by" data={colours} value={colour} clearable onChange={(value) => onAxes({ c: value ?? "none" })} />
        <span className={classes.grow} />
        <span className={classes.quiet} style={{ fontSize: 12 }}>{found.data ? saidOf(found.data) : ""}</span>
      </div>
      {found.error ? <Fault error={found.error} /> : found.data ? <Plot data={found.data} x={x} y={y} colour={colour} selected={selected} onLasso={(outline) => void lasso(outline)} onPick={onPick} /> : <Skeleton height={320} />}
    </section>
  );
}

function saidOf(data: Schemas["Scatter"]): string {
  const drawn = data.ids.length < data.total ? `${formatCount(data.ids.length)} of ${formatCount(data.total)} images, drawn by lot` : `${formatCount(data.total)} images`;
  return data.unknown > 0 ? `${drawn}; ${formatCount(data.unknown)} without a value` : drawn;
}

function Choice({ label, ...rest }: { label: string; data: { value: string; label: string }[]; value: string; onChange: (value: string | null) => void; clearable?: boolean }) {
  return <Select size="xs" aria-label={label} leftSection={<span className={classes.quiet} style={{ fontSize: 11, paddingLeft: 6, whiteSpace: "nowrap" }}>{label}</span>} leftSectionWidth={label.length * 6 + 16} leftSectionPointerEvents="none" w={label.length * 6 + 150} searchable allowDeselect={false} {...rest} />;
}

function Plot({ data, x, y, colour, selected, onLasso, onPick }: { data: Schemas["Scatter"]; x: string; y: string; colour: string; selected: Set<number> | null; onLasso: (outline: Point[]) => void; onPick: (id: number) => void }) {
  const points = useMemo(() => ({ x: data.x as number[], y: data.y as number[], ids: data.ids }), [data]);
  const xRange = useMemo(() => rangeOf(points.x), [points]);
  const yRange = useMemo(() => rangeOf(points.y), [points]);
  const across = useMemo(() => writingFor(x, data.x_unit, xRange), [x, data, xRange]);
  const up = useMemo(() => writingFor(y, data.y_unit, yRange), [y, data, yRange]);
  const colours = useMemo(() => colouring(colour, data.colour ?? null, points.ids.length), [colour, data, points]);
  const legend = useMemo(() => legendOf(colour, data.colour ?? null), [colour, data]);
  const tell = useCallback(
    (n: number) => {
      const labels = data.colour?.kind === "text" ? data.colour.labels?.[data.colour.values[n] ?? -1] : undefined;
      return [`${columnName(x)} ${textOf(across, points.x[n]!)}`, `${columnName(y)} ${textOf(up, points.y[n]!)}`, ...(labels ? [labels] : [])].join("\n");
    },
    [data, x, y, across, up, points],
  );
  return (
    <>
      <div className={classes.panelHead}>
        <b>{columnName(y)}</b>
        <span className={classes.quiet}>
          {up.unit === "time" ? "" : up.unit}
          {up.turned && " ↓ worse"}
        </span>
      </div>
      <Scatter label={`${columnName(y)} against ${columnName(x)} of ${saidOf(data)}. Draw around points to select their images.`} points={points} colours={colours} x={across} y={up} xRange={xRange} yRange={yRange} selected={selected} onLasso={onLasso} onPick={onPick} tell={tell} />
      <div className={classes.tools} style={{ fontSize: 12, gap: 12, justifyContent: "space-between" }}>
        <span className={classes.tools} style={{ gap: 10, minHeight: 20 }} aria-label="Colours">
          {legend.map(({ label, colour: fill, count }) => (
            <span key={label} style={{ display: "inline-flex", gap: 4, alignItems: "center" }}>
              <span aria-hidden style={{ width: 10, height: 10, background: fill, borderRadius: 2 }} />
              {label}
              {count !== undefined && <span className={classes.quiet}>{formatCount(count)}</span>}
            </span>
          ))}
        </span>
        <span>
          <b>{columnName(x)}</b> <span className={classes.quiet}>{across.unit === "time" ? "" : across.unit}{across.turned && " ← worse"}</span>
        </span>
      </div>
    </>
  );
}

/** Ends of an axis: all but the outermost thousandth, with air. */
function rangeOf(values: number[]): [number, number] {
  if (values.length === 0) return [0, 1];
  const sorted = Float64Array.from(values).sort();
  const low = sorted[Math.floor(sorted.length * 0.002)]!;
  const high = sorted[Math.ceil(sorted.length * 0.998) - 1]!;
  const air = (high - low) * 0.04 || Math.abs(high) * 0.05 || 1;
  return [low - air, high + air];
}

function writingFor(column: string, unit: string | null, range: [number, number]): Writing {
  const found = writing(column, unit, range[1] - range[0]);
  return ["time", "recorded", "imported"].includes(column) ? { ...found, unit: "time", text: (value) => formatTime(value) } : found;
}

function textOf(told: Writing, value: number): string {
  return told.unit === "time" ? formatTime(value) : `${told.text(value)} ${told.unit ?? ""}`;
}
