import { Anchor, Group, Skeleton, Text, Title } from "@mantine/core";
import { Link } from "react-router";
import { Fault } from "@/components/Fault/Fault";
import { formatCount, formatNumber, formatTime } from "@/components/format";
import classes from "./Results.module.css";
import { useYield, type JobResult, type Yield } from "./results";

/** How many images a filter keeps, now and over time. */
export function YieldCard({ project, result }: { project: string; result: JobResult }) {
  const { data, error, refetch } = useYield(project, result.job);
  const link = (side: string) => `/p/${project}/library?filter=${result.job}${side === "items" ? "" : `&side=${side}`}`;
  return (
    <section className={classes.card} aria-labelledby="yield">
      <Title order={3} id="yield" mb={4}>Kept and rejected</Title>
      {error && <Fault error={error} retry={() => void refetch()} />}
      {!data && !error && <Skeleton height={150} />}
      {data && (
        <>
          <Group gap="lg" mb={6}>
            <Text size="sm"><b>{formatCount(data.total_kept)}</b> kept ({data.total ? formatNumber((100 * data.total_kept) / data.total, 1) : "–"} %) <Anchor size="sm" component={Link} to={link("items")}>show</Anchor></Text>
            <Text size="sm"><b>{formatCount(data.total - data.total_kept)}</b> rejected <Anchor size="sm" component={Link} to={link("rejected")}>show</Anchor></Text>
          </Group>
          {data.starts.length > 1 && <Curve found={data} />}
        </>
      )}
    </section>
  );
}

/** Images of each stretch of time, the kept ones dark. */
function Curve({ found }: { found: Yield }) {
  const most = Math.max(...found.all, 1);
  const width = 1000 / found.all.length;
  const last = found.starts[found.starts.length - 1]! + found.width;
  return (
    <figure style={{ margin: 0 }}>
      <svg viewBox="0 0 1000 120" preserveAspectRatio="none" className={classes.yield} role="img" aria-label="Kept images (dark) of all over time">
        {found.all.map((all, place) => (
          <g key={place}>
            <rect x={place * width} width={Math.max(0.5, width - 0.6)} y={120 - (118 * all) / most} height={(118 * all) / most} fill="var(--mantine-color-ice-3)" opacity={0.55} />
            <rect x={place * width} width={Math.max(0.5, width - 0.6)} y={120 - (118 * found.kept[place]!) / most} height={(118 * found.kept[place]!) / most} fill="var(--mantine-color-ice-6)" />
          </g>
        ))}
      </svg>
      <Group justify="space-between" component="figcaption">
        <Text size="xs" c="dimmed">{formatTime(found.starts[0])}</Text>
        <Text size="xs" c="dimmed">kept (dark) of all, at most {formatCount(most)} in a stretch</Text>
        <Text size="xs" c="dimmed">{formatTime(last)}</Text>
      </Group>
    </figure>
  );
}
