import { Anchor, Drawer, Progress, SegmentedControl, Skeleton, Tabs, Text } from "@mantine/core";
import { useMediaQuery } from "@mantine/hooks";
import { lazy, Suspense, useCallback, useMemo, useRef, useState } from "react";
import { Link, useParams } from "react-router";
import { Button } from "@mantine/core";
import { Empty } from "@/components/Empty/Empty";
import { Fault } from "@/components/Fault/Fault";
import { formatCount, formatNumber, formatTime } from "@/components/format";
import { StateBadge } from "@/components/State/StateBadge";
import { useMayChange } from "@/hooks/useProject";
import { useUrlState } from "@/hooks/useUrlState";
import { sorted, suggestedAt, useGallery, usualThreshold, type ClassAverage, type Gallery as Found, type Source } from "./classes";
import classes from "./Classes.module.css";
import { Detail } from "./Detail";
import { Gallery } from "./Gallery";
import { Selections } from "./Selections";
import { ChoiceBar, KeysHelp, Toolbar } from "./Toolbar";
import { useChosen, useClassKeys } from "./useChosen";

const Plots = lazy(() => import("./Plots").then(({ Plots: found }) => ({ default: found })));
const NONE: ClassAverage[] = [];

/** The averages of a 2D classification: sorted, looked at, chosen. */
export function ClassesPage({ project }: { project: string }) {
  const job = useParams().job ?? "";
  const [sourceText, setSource] = useUrlState("source", "newest");
  const source: Source = sourceText === "result" ? "result" : "newest";
  const { data, error, refetch } = useGallery(project, job, source);
  if (error && !data) return <Fault error={error} retry={() => void refetch()} />;
  if (!data) return <Skeleton height={400} m="md" />;
  if (!data.run) return <Waiting project={project} found={data} />;
  return <Page key={data.job} project={project} found={data} run={data.run} source={source} onSource={setSource} />;
}

function Waiting({ project, found }: { project: string; found: Found }) {
  const action = <Button component={Link} to={`/p/${project}/workflow?job=${found.job}`}>Open the job</Button>;
  return <Empty title="No class averages yet" action={action}>{found.why ?? "They appear after the first iteration."}</Empty>;
}

interface PageProps {
  project: string;
  found: Found;
  run: NonNullable<Found["run"]>;
  source: Source;
  onSource: (source: string) => void;
}

function Page({ project, found, run, source, onSource }: PageProps) {
  const narrow = useMediaQuery("(max-width: 1000px)", undefined, { getInitialValueInEffect: false }) ?? false;
  const [sort, setSort] = useUrlState("sort", "rank");
  const [sizeText, setSize] = useUrlState("size", "160");
  const [qualityText, setQuality] = useUrlState("quality");
  const [ofText, setOf] = useUrlState("of", found.asked === found.job ? "" : String(found.asked));
  const [open, setOpen] = useUrlState("class", "", false);
  const [tab, setTab] = useUrlState("tab", "gallery");
  const [help, setHelp] = useState(false);
  const all = found.classes.length ? found.classes : NONE;
  const order = useMemo(() => sorted(all, sort), [all, sort]);
  const threshold = qualityText === "" ? usualThreshold(all) : Math.min(1, Math.max(0, Number(qualityText) || 0));
  const loaded = found.selections.find((one) => one.job === Number(ofText)) ?? null;
  const state = useChosen(order, loaded?.classes ?? null);
  const grid = useRef<HTMLDivElement>(null);
  const columns = useCallback(() => (grid.current ? getComputedStyle(grid.current).gridTemplateColumns.split(" ").length : 1), []);
  const openClass = (number: number | null) => setOpen(number === null ? "" : String(number));
  const setCursor = (number: number) => {
    state.setCursor(number);
    if (open) openClass(number); // the detail follows the cursor
  };
  useClassKeys({ order, state: { ...state, setCursor }, threshold, columns, open: openClass, help: () => setHelp(true) });
  const one = all.find((entry) => entry.number === Number(open)) ?? null;
  const mayChange = useMayChange(project);
  const hasParticles = run.particles || (run.running && found.has_result);
  const step = (by: number) => {
    const place = order.findIndex((entry) => entry.number === one?.number) + by;
    const next = order[(place + order.length) % order.length];
    if (next) setCursor(next.number);
  };
  const detail = one && (
    <Detail project={project} job={found.job} run={run} source={source} one={one} chosen={state.chosen.has(one.number)} hasResult={hasParticles} onToggle={() => state.toggle(one.number, false)} onStep={step} onClose={() => openClass(null)} />
  );
  const selections = (
    <Selections project={project} job={found.job} all={all} selections={found.selections} loaded={loaded} onLoad={(job) => setOf(job === null ? "" : String(job))} chosen={state.chosen} onChoose={state.choose} threshold={threshold} lineage={run.lineage} mayChange={mayChange} />
  );
  return (
    <div className={classes.page}>
      <div className={classes.main}>
        <Head project={project} found={found} run={run} source={source} onSource={onSource} all={all} />
        <Tabs value={tab === "plots" ? "plots" : "gallery"} onChange={(value) => setTab(value ?? "gallery")} keepMounted={false}>
          <Tabs.List aria-label="What is shown">
            <Tabs.Tab value="gallery">Gallery</Tabs.Tab>
            <Tabs.Tab value="plots">Plots</Tabs.Tab>
          </Tabs.List>
        </Tabs>
        {tab !== "plots" && <Toolbar sort={sort} onSort={setSort} size={Number(sizeText) || 160} onSize={(size) => setSize(String(size))} all={all} threshold={threshold} onThreshold={(value) => setQuality(value.toFixed(2))} onSuggest={() => state.choose(suggestedAt(all, threshold))} />}
        <ChoiceBar all={all} state={state} threshold={threshold} onHelp={() => setHelp(true)} />
        {tab === "plots" ? (
          <Suspense fallback={<Skeleton height={300} />}>
            <Plots project={project} job={found.job} run={run} source={source} all={all} chosen={state.chosen} onPick={openClass} hasResult={hasParticles} />
          </Suspense>
        ) : (
          <Gallery project={project} job={found.job} run={run} order={order} state={{ ...state, setCursor }} size={Number(sizeText) || 160} threshold={threshold} grid={grid} onOpen={openClass} />
        )}
      </div>
      <aside className={classes.side} aria-label="Selections and detail">{detail && !narrow ? detail : selections}</aside>
      <Drawer opened={narrow && detail !== null} onClose={() => openClass(null)} position="bottom" size="88%" withCloseButton={false} aria-label="Class">
        {narrow && detail}
      </Drawer>
      {help && <KeysHelp onClose={() => setHelp(false)} />}
    </div>
  );
}

function Head({ project, found, run, source, onSource, all }: PageProps & { all: readonly ClassAverage[] }) {
  const best = Math.min(...all.map((one) => one.resolution ?? Infinity));
  const alive = all.filter((one) => one.particles > 0).length;
  return (
    <header>
      <div className={classes.head}>
        <h1>2D classes</h1>
        <Anchor component={Link} to={`/p/${project}/workflow?job=${found.job}`} size="sm">J{found.job} {found.title}</Anchor>
        <StateBadge state={found.state} />
        {run.running && (
          <Text size="sm" component="div" role="status" className={classes.iteration}>
            Iteration {run.iteration} of {run.iterations}{found.state === "running" ? "" : ": it has stopped, and goes on from here"}
            <Progress value={(100 * run.iteration) / Math.max(1, run.iterations)} size="sm" aria-label={`Iteration ${run.iteration} of ${run.iterations}`} />
          </Text>
        )}
        {(run.running || source === "result") && found.has_result && (
          <SegmentedControl size="xs" aria-label="Which averages" value={source} onChange={onSource} data={[{ value: "newest", label: "Run under way" }, { value: "result", label: "Last result" }]} />
        )}
      </div>
      <div className={classes.facts}>
        <span><b>{formatCount(run.n_used)}</b> particles{run.n_used < run.n_particles ? ` of ${formatCount(run.n_particles)}` : ""}</span>
        <span><b>{alive}</b> of {all.length} classes alive</span>
        <span>best <b>{Number.isFinite(best) ? best.toFixed(1) : "–"} Å</b></span>
        <span>{run.box} px of {formatNumber(run.pixel_size, 2)} Å</span>
        <span>{formatTime(run.made)}</span>
        {run.stale && !run.running && <Text span size="sm" c="var(--mantine-color-yellow-text)">Stale: the job now has other parameters or more particles</Text>}
        {found.late && !run.running && <span role="status">{found.late}</span>}
      </div>
    </header>
  );
}
