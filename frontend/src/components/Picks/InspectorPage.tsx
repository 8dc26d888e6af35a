import { Anchor, Button, Card, Grid, Group, Skeleton, Stack, Text, Title } from "@mantine/core";
import { useEffect } from "react";
import { Link, useParams } from "react-router";
import { Histogram } from "@/components/Chart/Histogram";
import { Empty } from "@/components/Empty/Empty";
import { Fault } from "@/components/Fault/Fault";
import { counted, formatCount, formatNumber } from "@/components/format";
import { useMayChange, useProjectKey } from "@/hooks/useProject";
import { Adopt } from "./Adopt";
import { DensityPlot } from "./DensityPlot";
import { ImagePicks } from "./ImagePicks";
import { LimitSlider } from "./LimitSlider";
import { useCounts, useDensity, type Limits, type Point } from "./picks";
import { useApplyLimits } from "./useApplyLimits";
import { useLimits } from "./useLimits";
import classes from "./Picks.module.css";

const WORDS = ["an image with few picks", "a middling image", "an image with many picks"];

/** Thresholds of score and local power over a whole session: nothing is picked again. */
export function InspectorPage() {
  const project = useProjectKey();
  const job = useParams().job ?? "";
  const found = useDensity(project, job);
  useEffect(() => {
    document.title = `Thresholds of picks – Vitreous`;
  }, []);
  return (
    <Stack gap="md" p="md">
      <Group justify="space-between" align="baseline">
        <Title order={1}>
          Thresholds of picks{" "}
          <Text span c="dimmed" inherit>
            {found.data ? `J${found.data.base} ${found.data.title}` : `J${job}`}
          </Text>
        </Title>
        <Anchor component={Link} to={`/p/${project}/workflow?job=${found.data?.base ?? job}`} size="sm">
          To the job
        </Anchor>
      </Group>
      {found.error && <Fault error={found.error} retry={() => void found.refetch()} />}
      {!found.data && !found.error && <Skeleton height={340} />}
      {found.data && found.data.density.total === 0 && <Empty title="No picks yet">As soon as J{found.data.base} has picked on an image, its picks are shown here.</Empty>}
      {found.data && found.data.density.total > 0 && <Inspector key={found.data.base} project={project} found={found.data} />}
    </Stack>
  );
}

type Found = NonNullable<ReturnType<typeof useDensity>["data"]>;

function Inspector({ project, found }: { project: string; found: Found }) {
  const { density } = found;
  const { limits, settled, change, reset, differ } = useLimits(found.limits);
  const counts = useCounts(project, String(found.base), settled).data;
  const apply = useApplyLimits(project);
  const mayChange = useMayChange(project);
  const scoreRange = density.score_range as Point | null;
  const powerRange: Point = [density.power_edges[0]!, density.power_edges.at(-1)!];
  return (
    <>
      <Grid gap="md">
        <Grid.Col span={{ base: 12, md: 7 }}>
          <Card withBorder padding="sm">
            <DensityPlot density={density} limits={limits} change={change} />
            <Text size="xs" c="dimmed">
              Drag a rectangle over the picks to keep, or move its edges. Low power: empty ice; high power: carbon, dirt, ice crystals.
              {density.unknown > 0 ? ` ${counted(density.unknown, "pick")} without score or power ${density.unknown === 1 ? "is" : "are"} not drawn.` : ""}
            </Text>
          </Card>
        </Grid.Col>
        <Grid.Col span={{ base: 12, md: 5 }}>
          <Card withBorder padding="sm" h="100%">
            <Stack gap={2}>
              {SLIDERS.map(([name, label, rest]) => (
                <LimitSlider key={name} label={label} value={limits[name]} rest={name === "min_score" ? (density.kept_from ?? "low") : rest} range={name.endsWith("score") ? scoreRange : powerRange} set={(value) => change({ [name]: value })} className={classes.slide} />
              ))}
              <div aria-live="polite" style={{ minHeight: 64 }}>
                <Text size="xl" fw={600} mt="xs" style={{ fontVariantNumeric: "tabular-nums" }}>
                  {counts ? formatCount(counts.kept) : "–"}{" "}
                  <Text span size="sm" c="dimmed" fw={400}>
                    of {formatCount(density.total)} picks{counts ? ` (${formatNumber((100 * counts.kept) / Math.max(1, counts.total), 1)} %)` : ""} on {counted(density.images, "image")}
                  </Text>
                </Text>
                <Text size="sm" c="dimmed" style={{ fontVariantNumeric: "tabular-nums" }}>
                  {counts ? `${formatCount(counts.median)} on a middling image, ${formatCount(counts.least)} to ${formatCount(counts.most)}; none on ${formatCount(counts.images - counts.with_picks)}` : " "}
                </Text>
              </div>
              {counts && <Histogram column="picks_found" unit={null} edges={counts.edges} counts={counts.counts} height={72} />}
              <Text size="xs" c="dimmed">images by picks that are left to them</Text>
              {mayChange && (
                <Group gap="xs" mt="sm">
                  <Button onClick={() => apply.mutate({ job: String(found.job), limits })} loading={apply.isPending} disabled={!differ}>
                    Apply
                  </Button>
                  <Button variant="default" onClick={reset} disabled={!differ}>
                    Discard
                  </Button>
                </Group>
              )}
              <Text size="xs" c="dimmed" mt={4}>
                {found.select ? `J${found.select} selects picks by these thresholds; nothing is picked again.` : "Apply adds a job that selects picks by these thresholds; nothing is picked again."}
              </Text>
            </Stack>
          </Card>
        </Grid.Col>
      </Grid>
      <div className={classes.examples}>
        {density.examples.map(([item], index) => (
          <ImagePicks key={item as number} project={project} item={item as number} job={String(found.job)} limits={limits} scoreRange={[limits.min_score ?? density.kept_from ?? 0, density.score_edges.at(-1)!]} word={WORDS[density.examples.length === 3 ? index : 1]!} />
        ))}
      </div>
      {mayChange && <Adopt project={project} job={found.base} />}
    </>
  );
}

const SLIDERS: [keyof Limits, string, "low" | "high"][] = [
  ["min_score", "Min score", "low"], ["max_score", "Max score", "high"], ["min_power", "Min power", "low"], ["max_power", "Max power", "high"],
];
