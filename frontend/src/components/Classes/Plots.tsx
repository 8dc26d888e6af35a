import { Anchor, Skeleton, Table, Text, Title } from "@mantine/core";
import { useMemo } from "react";
import { Link } from "react-router";
import { ticks } from "@/components/Chart/scale";
import { Fault } from "@/components/Fault/Fault";
import { counted, formatCount, formatNumber, UNKNOWN } from "@/components/format";
import { DATA_COLOURS } from "@/theme";
import { Areas, Dots, Lines, resolutionTicks, type Line } from "./charts";
import { particlesUrl, useCurves, useImages, useYield, type ClassAverage, type ClassRun, type Curves, type Source, type Yield } from "./classes";
import classes from "./Classes.module.css";

interface Props {
  project: string;
  job: number;
  run: ClassRun;
  source: Source;
  all: readonly ClassAverage[];
  chosen: ReadonlySet<number>;
  onPick: (number: number) => void;
  hasResult: boolean;
}

/** How the run went, what each class is worth, and what each image gave. */
export function Plots(props: Props) {
  const { project, job, run, source, all } = props;
  const { data, error, refetch } = useCurves(project, job, source, run.stamp);
  const known = data && all.length > 0;
  return (
    <div className={classes.plots}>
      {error && <Fault error={error} retry={() => void refetch()} />}
      <Card title="Classes over the iterations" note="share of the particles; chosen classes full, others hatched">{known ? <Distribution {...props} curves={data} /> : <Skeleton height={220} />}</Card>
      <Card title="Half averages of each class" note="Fourier ring correlation; chosen classes in colour">{known ? <Correlations {...props} curves={data} /> : <Skeleton height={220} />}</Card>
      <Card title="Resolution and size of the classes" note="good is on the right">{known ? <Worth {...props} /> : <Skeleton height={220} />}</Card>
      <Card title="Convergence" note="best resolution, limit of the search, particles that change class">{known ? <Convergence curves={data} /> : <Skeleton height={220} />}</Card>
      {props.hasResult && <YieldCards {...props} />}
    </div>
  );
}

function Card({ title, note, children }: { title: string; note?: string; children: React.ReactNode }) {
  return (
    <section className={classes.card} aria-label={title}>
      <Title order={3}>{title}</Title>
      {note && <Text size="xs" c="dimmed" mb={4}>{note}</Text>}
      {children}
    </section>
  );
}

function Distribution({ all, chosen, onPick, curves }: Props & { curves: Curves }) {
  const { history } = curves;
  const areas = useMemo(
    () =>
      [...all].sort((a, b) => a.rank - b.rank).map((one) => ({
        number: one.number,
        name: `Class ${one.number}: ${(100 * one.population).toFixed(1)} %`,
        values: history.populations[one.number - 1] ?? [],
        chosen: chosen.has(one.number),
      })),
    [all, chosen, history],
  );
  if (history.iteration.length < 2) return <Text size="sm" c="dimmed" h={220}>It comes with the second iteration.</Text>;
  return <Areas label={`Share of each class over ${history.iteration.length} iterations`} x={history.iteration} xLabel="iteration" yRange={[0, 1]} yLabel="share" areas={areas} onPick={onPick} />;
}

function Correlations({ all, chosen, run, curves }: Props & { curves: Curves }) {
  const end = Math.min(0.5 / run.pixel_size, curves.frequency.at(-1) ?? 0.1);
  const lines = useMemo<Line[]>(() => {
    let used = 0;
    return all.filter((one) => curves.frc[one.number]).map((one) => {
      const full = chosen.has(one.number) && used < DATA_COLOURS.length;
      return { name: `Class ${one.number}: ${formatNumber(one.resolution, 1)} Å`, values: curves.frc[one.number]!, colour: full ? DATA_COLOURS[used++]! : "var(--chart-quiet)", width: full ? 2 : 1, faint: !full };
    });
  }, [all, chosen, curves]);
  const told = lines.filter((line) => !line.faint);
  return (
    <>
      <Lines label={`Fourier ring correlation of ${counted(lines.length, "class", "classes")}`} x={curves.frequency} xLabel="resolution / Å" xTicks={resolutionTicks(end)} yRange={[-0.1, 1]} yLabel="FRC" lines={lines} level={{ value: 0.143, text: "0.143" }} />
      <Text size="xs" component="div" style={{ display: "flex", flexWrap: "wrap", gap: "2px 12px", minHeight: 18 }}>
        {told.map((line) => <span key={line.name}><span className={classes.swatch} style={{ background: line.colour }} />{line.name}</span>)}
        {chosen.size > told.length && told.length > 0 && <span>and {chosen.size - told.length} more, grey</span>}
      </Text>
    </>
  );
}

function Worth({ all, chosen, onPick }: Props) {
  const dots = useMemo(
    () => all.filter((one) => one.resolution !== null).map((one) => ({ number: one.number, x: -one.resolution!, y: 100 * one.population, chosen: chosen.has(one.number), name: `Class ${one.number}: ${one.resolution!.toFixed(1)} Å, ${formatCount(one.particles)} particles` })),
    [all, chosen],
  );
  if (dots.length === 0) return <Text size="sm" c="dimmed" h={220}>No class has a resolution yet.</Text>;
  const places = dots.map((dot) => dot.x);
  const [low, high] = [Math.min(...places), Math.max(...places)];
  const room = Math.max(0.5, 0.08 * (high - low));
  const marks = ticks(low - room, high + room, 6).map((value): [number, string] => [value, String(Number((-value).toPrecision(4)))]);
  return <Dots label="Resolution of each class against its share of the particles" x={[low - room, high + room]} xTicks={marks} xLabel="resolution / Å" yRange={[0, 1.1 * Math.max(...dots.map((dot) => dot.y))]} yLabel="share / %" dots={dots} onPick={onPick} />;
}

function Convergence({ curves: { history } }: { curves: Curves }) {
  const best = history.iteration.map((_, n) => history.resolutions.reduce<number | null>((low, values) => (values[n] == null ? low : Math.min(low ?? Infinity, values[n]!)), null));
  const known = [...best, ...history.resolution_limit].filter((value): value is number => value !== null);
  const top = Math.max(1, ...known) * 1.05;
  const lines: Line[] = [
    { name: "best class / Å", values: best, colour: DATA_COLOURS[0], width: 2 },
    { name: "limit of the search / Å", values: history.resolution_limit, colour: DATA_COLOURS[5], width: 2, dash: "7 3" },
    { name: "change class / %", values: history.changed.map((value) => (value === null ? null : 100 * value)), colour: DATA_COLOURS[2], width: 2, dash: "2 3" },
  ];
  const most = Math.max(top, ...lines[2]!.values.map((value) => value ?? 0));
  return (
    <>
      <Lines label="Resolution and changes over the iterations" x={history.iteration} xLabel="iteration" yRange={[0, most]} yLabel="Å, %" lines={lines} height={200} />
      <Text size="xs" component="div" style={{ display: "flex", flexWrap: "wrap", gap: "2px 12px" }}>
        {lines.map((line) => (
          <span key={line.name}>
            <svg width={24} height={8} aria-hidden><path d="M0 4H24" stroke={line.colour} strokeWidth={2} strokeDasharray={line.dash} /></svg> {line.name}
          </span>
        ))}
      </Text>
    </>
  );
}

const STEPS = { picked: "picked", extracted: "extracted", classified: "in classes", chosen: "in chosen classes" } as const;

function YieldCards({ project, job, chosen }: Props) {
  const text = [...chosen].sort((a, b) => a - b).join(",");
  const { data, error } = useYield(project, job, text);
  const images = useImages(project, job, text, true, 8);
  return (
    <>
      <Card title="Particles of each image" note="light: in any class, dark: in chosen classes">
        {error && <Fault error={error} />}
        {data ? <YieldBars data={data} /> : <Skeleton height={220} />}
        {data && (
          <Table fz="sm" verticalSpacing={2} withRowBorders={false} aria-label="What becomes of the particles">
            <Table.Tbody>
              {Object.entries(STEPS).map(([step, label]) => {
                const total = data.totals[step] ?? null;
                const first = data.totals.picked ?? data.totals.extracted ?? data.totals.classified ?? null;
                return (
                  <Table.Tr key={step}>
                    <Table.Td>{label}</Table.Td>
                    <Table.Td className="number">{formatCount(total)}</Table.Td>
                    <Table.Td className="number">{total !== null && first ? `${formatNumber((100 * total) / first, 1)} %` : UNKNOWN}</Table.Td>
                    <Table.Td className="number">{total !== null && data.images ? `${formatNumber(total / data.images, 1)} per image` : UNKNOWN}</Table.Td>
                  </Table.Tr>
                );
              })}
            </Table.Tbody>
          </Table>
        )}
      </Card>
      <Card title="Images that give least" note="fewest particles in the chosen classes">
        {!images.data ? <Skeleton height={200} /> : (
          <Table fz="sm" verticalSpacing={2} aria-label="Images with the fewest chosen particles">
            <Table.Thead><Table.Tr><Table.Th>Image</Table.Th><Table.Th className="number">chosen</Table.Th><Table.Th className="number">in classes</Table.Th></Table.Tr></Table.Thead>
            <Table.Tbody>
              {images.data.rows.map((row) => (
                <Table.Tr key={row.micrograph}>
                  <Table.Td style={{ overflowWrap: "anywhere" }}>{row.item === null ? row.micrograph : <Anchor size="sm" component={Link} to={particlesUrl(project, row.item, job, text)}>{row.micrograph}</Anchor>}</Table.Td>
                  <Table.Td className="number">{formatCount(row.chosen)}</Table.Td>
                  <Table.Td className="number">{formatCount(row.classified)}</Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        )}
      </Card>
    </>
  );
}

/** How many images gave how many particles. */
function YieldBars({ data }: { data: Yield }) {
  const { edges, counts } = data;
  const all = counts.classified ?? [], good = counts.chosen ?? [];
  const most = Math.max(1, ...all, ...good);
  const [W, H, foot] = [400, 150, 16];
  const x = (value: number) => (W * (value - edges[0]!)) / (edges.at(-1)! - edges[0]! || 1);
  const bars = (values: number[], colour: string, inset: number) =>
    values.map((count, n) => count > 0 && (
      <rect key={`${colour}${n}`} x={x(edges[n]!) + inset} width={Math.max(1, x(edges[n + 1]!) - x(edges[n]!) - 2 * inset)} y={H - foot - ((H - foot - 4) * count) / most} height={((H - foot - 4) * count) / most} fill={colour}>
        <title>{`${counted(count, "image")} with ${Math.ceil(edges[n]!)} to ${Math.floor(edges[n + 1]!)} particles`}</title>
      </rect>
    ));
  return (
    <svg viewBox={`0 0 ${W} ${H}`} width="100%" role="img" aria-label={`How many of ${formatCount(data.images)} images gave how many particles`}>
      {bars(all, "var(--chart-bar-out)", 0.5)}
      {bars(good, "var(--chart-bar)", 4)}
      <text className="chart-text" x={0} y={H - 3}>{Math.ceil(edges[0] ?? 0)}</text>
      <text className="chart-text" x={W} y={H - 3} textAnchor="end">{Math.floor(edges.at(-1) ?? 0)} particles</text>
      <text className="chart-text" x={W / 2} y={H - 3} textAnchor="middle">at most {counted(most, "image")} in a bar</text>
    </svg>
  );
}
