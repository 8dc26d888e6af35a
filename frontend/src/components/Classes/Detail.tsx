import { ActionIcon, Anchor, Button, Group, NativeSelect, Skeleton, Stack, Switch, Table, Text, Title } from "@mantine/core";
import { IconChevronLeft, IconChevronRight, IconX } from "@tabler/icons-react";
import { useState } from "react";
import { Link } from "react-router";
import { Fault } from "@/components/Fault/Fault";
import { formatCount, formatNumber } from "@/components/format";
import { Lines, resolutionTicks } from "./charts";
import { averageUrl, particlesUrl, useCurves, useImages, useParticles, type ClassAverage, type ClassRun, type Order, type Source } from "./classes";
import classes from "./Classes.module.css";

interface Props {
  project: string;
  job: number;
  run: ClassRun;
  source: Source;
  one: ClassAverage;
  chosen: boolean;
  hasResult: boolean;
  onToggle: () => void;
  onStep: (by: number) => void;
  onClose: () => void;
}

/** One class: its average at full size, its curve, how it came about, its particles and their images. */
export function Detail(props: Props) {
  const { project, job, run, source, one, chosen, hasResult, onToggle, onStep, onClose } = props;
  const { data } = useCurves(project, job, source, run.stamp);
  const figures: [string, string][] = [
    ["Particles", formatCount(one.particles)],
    ["Share", `${(100 * one.population).toFixed(1)} %`],
    ["Resolution", one.resolution === null ? "–" : `${one.resolution.toFixed(1)} Å`],
    ["Quality", formatNumber(one.quality, 2)],
    ["Rank", String(one.rank)],
    ["Suggested", one.suggested ? "yes" : "no"],
  ];
  return (
    <Stack gap="sm" component="section" aria-label={`Class ${one.number}`}>
      <Group justify="space-between" wrap="nowrap">
        <Title order={2}>Class {one.number}</Title>
        <Group gap={4} wrap="nowrap">
          <Button size="compact-sm" variant={chosen ? "filled" : "default"} aria-pressed={chosen} onClick={onToggle}>{chosen ? "Chosen" : "Choose"}</Button>
          <ActionIcon variant="subtle" color="gray" aria-label="Class before" onClick={() => onStep(-1)}><IconChevronLeft size={18} /></ActionIcon>
          <ActionIcon variant="subtle" color="gray" aria-label="Class after" onClick={() => onStep(1)}><IconChevronRight size={18} /></ActionIcon>
          <ActionIcon variant="subtle" color="gray" aria-label="Close the class" onClick={onClose}><IconX size={18} /></ActionIcon>
        </Group>
      </Group>
      <img src={averageUrl(project, job, run, one.number, 384)} alt={`Average of class ${one.number}`} className={classes.picture} style={{ maxWidth: 420 }} />
      <dl className={classes.figures}>
        {figures.map(([name, value]) => <div key={name}><dt>{name}</dt><dd>{value}</dd></div>)}
      </dl>
      {!data ? <Skeleton height={170} /> : (
        <>
          <div>
            <Title order={3}>Correlation of half averages</Title>
            <Lines label={`Fourier ring correlation of class ${one.number}`} x={data.frequency} xLabel="resolution / Å" xTicks={resolutionTicks(data.frequency.at(-1) ?? 0.1)} yRange={[-0.1, 1]} yLabel="FRC" height={170} level={{ value: 0.143, text: "0.143" }} lines={[{ name: `Class ${one.number}`, values: data.frc[one.number] ?? [], colour: "var(--chart-point)", width: 2 }]} />
          </div>
          {data.history.iteration.length > 1 && <Course one={one} history={data.history} />}
        </>
      )}
      {hasResult && one.particles > 0 ? <Particles key={one.number} project={project} job={job} run={run} number={one.number} /> : (
        <Text size="sm" c="dimmed">{one.particles > 0 ? "Its particles are listed when the run has ended." : "No particle is in this class."}</Text>
      )}
    </Stack>
  );
}

function Course({ one, history }: { one: ClassAverage; history: NonNullable<ReturnType<typeof useCurves>["data"]>["history"] }) {
  const share = (history.populations[one.number - 1] ?? []).map((value) => (value === null ? null : 100 * value));
  const top = Math.max(1, ...share.map((value) => value ?? 0));
  return (
    <div>
      <Title order={3}>Share over the iterations</Title>
      <Lines label={`Share of class ${one.number} over the iterations`} x={history.iteration} xLabel="iteration" yRange={[0, 1.08 * top]} yLabel="share / %" height={130} lines={[{ name: `Class ${one.number}`, values: share, colour: "var(--chart-point)", width: 2 }]} />
    </div>
  );
}

const PAGE = 24;
const COLUMNS = 6;
const CELL = 96;
const ORDERS: Record<Order, string> = { probability: "surest first", doubtful: "most doubtful first", number: "by number" };

/** Images of particles, each a link to where it lies on its micrograph. */
function Particles({ project, job, run, number }: { project: string; job: number; run: ClassRun; number: number }) {
  const [order, setOrder] = useState<Order>("probability");
  const [aligned, setAligned] = useState(true);
  const [page, setPage] = useState(0);
  const text = String(number);
  const { data, error } = useParticles(project, job, text, order, PAGE, page * PAGE);
  const images = useImages(project, job, text, false, 6);
  if (error) return <Fault error={error} />;
  const query = new URLSearchParams({ classes: text, order, limit: String(PAGE), offset: String(page * PAGE), columns: String(COLUMNS), cell: String(CELL), aligned: String(aligned), resolution: "20" });
  if (!run.running) query.set("v", run.stamp);
  const url = `/api/projects/${encodeURIComponent(project)}/jobs/${job}/classes/particles.png?${query.toString()}`;
  const rows = data ? Math.ceil(data.rows.length / COLUMNS) : 1;
  const pages = data ? Math.ceil(data.total / PAGE) : 1;
  return (
    <>
      <div>
        <Group justify="space-between" gap="xs" mb={6}>
          <Title order={3}>Particles</Title>
          <Switch size="xs" label="turned onto the average" checked={aligned} onChange={(event) => setAligned(event.currentTarget.checked)} />
        </Group>
        <div className={classes.particles} style={{ minHeight: 120 }}>
          {data?.rows.map((row, place) => {
            const style = {
              backgroundImage: `url("${url}")`,
              backgroundSize: `${COLUMNS * 100}% ${rows * 100}%`,
              backgroundPosition: `${(100 * (place % COLUMNS)) / (COLUMNS - 1)}% ${rows > 1 ? (100 * Math.floor(place / COLUMNS)) / (rows - 1) : 0}%`,
            };
            const told = `Particle on ${row.micrograph ?? "an unknown image"}${row.max_probability === null ? "" : `, probability ${row.max_probability.toFixed(2)}`}`;
            return row.item === null
              ? <span key={row.uid ?? place} className={classes.particle} style={style} role="img" aria-label={told} title={told} />
              : <Link key={row.uid ?? place} className={classes.particle} style={style} to={particlesUrl(project, row.item, job, text)} aria-label={told} title={told} />;
          })}
        </div>
        <Group justify="space-between" mt={6} gap="xs">
          <NativeSelect size="xs" aria-label="Order of the particles" value={order} onChange={(event) => { setOrder(event.currentTarget.value as Order); setPage(0); }} data={Object.entries(ORDERS).map(([value, label]) => ({ value, label }))} />
          <Group gap={4} wrap="nowrap">
            <ActionIcon variant="default" aria-label="Particles before" disabled={page === 0} onClick={() => setPage(page - 1)}><IconChevronLeft size={16} /></ActionIcon>
            <Text size="xs" style={{ minWidth: 84, textAlign: "center" }}>{data && data.total > 0 ? `${formatCount(page * PAGE + 1)}–${formatCount(Math.min(data.total, (page + 1) * PAGE))} of ${formatCount(data.total)}` : "–"}</Text>
            <ActionIcon variant="default" aria-label="Particles after" disabled={page + 1 >= pages} onClick={() => setPage(page + 1)}><IconChevronRight size={16} /></ActionIcon>
          </Group>
        </Group>
      </div>
      <div>
        <Title order={3}>Images with most of them</Title>
        <Table fz="sm" verticalSpacing={2} withRowBorders={false} aria-label={`Images with most particles of class ${number}`}>
          <Table.Tbody>
            {images.data?.rows.map((row) => (
              <Table.Tr key={row.micrograph}>
                <Table.Td style={{ overflowWrap: "anywhere" }}>{row.item === null ? row.micrograph : <Anchor size="sm" component={Link} to={particlesUrl(project, row.item, job, text)}>{row.micrograph}</Anchor>}</Table.Td>
                <Table.Td className="number">{formatCount(row.chosen)} of {formatCount(row.classified)}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </div>
    </>
  );
}
