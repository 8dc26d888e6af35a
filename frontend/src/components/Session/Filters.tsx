import { ActionIcon, Anchor, Button, MultiSelect, Popover, Skeleton } from "@mantine/core";
import { IconFilter, IconX } from "@tabler/icons-react";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { Link } from "react-router";
import { client, need } from "@/client/client";
import { Histogram } from "@/components/Chart/Histogram";
import { writing } from "@/components/Chart/scale";
import { counted, formatCount } from "@/components/format";
import { useNumberColumns } from "./IntervalTools";
import { columnName, conditionOf, libraryLink, useSeries, type Ranges, type Stretch } from "./session";
import classes from "./Session.module.css";

interface Given {
  project: string;
  stretch: Stretch;
  columns: string[];
  onColumns: (columns: string[]) => void;
  ranges: Ranges;
  onRanges: (ranges: Ranges) => void;
  /** Condition of all ranges, and how many images meet it. */
  condition: string;
  images: number | undefined;
}

/** Histograms whose limits leave some images out of all panels. */
export function Filters({ project, stretch, columns, onColumns, ranges, onRanges, condition, images }: Given) {
  const known = useNumberColumns(project);
  return (
    <section className={classes.box} aria-label="Histograms">
      <div className={classes.tools}>
        <b>Histograms</b>
        <span className={classes.quiet} style={{ fontSize: 12 }}>
          {condition ? `${counted(images ?? 0, "image")} left by the limits; all charts show these` : "drag the limits to filter all charts"}
        </span>
        <span className={classes.grow} />
        {condition && (
          <>
            <Anchor component={Link} size="sm" to={libraryLink(project, condition)}>
              Open in Library
            </Anchor>
            <Button size="compact-sm" variant="light" leftSection={<IconX size={14} />} onClick={() => onRanges({})}>
              No filter
            </Button>
          </>
        )}
        <Popover position="bottom-end" width={320} trapFocus>
          <Popover.Target>
            <Button size="compact-sm" variant="default" leftSection={<IconFilter size={15} />}>
              Columns
            </Button>
          </Popover.Target>
          <Popover.Dropdown>
            <MultiSelect label="Histograms of" data={known.map((value) => ({ value, label: columnName(value) }))} value={columns} onChange={onColumns} searchable maxValues={8} comboboxProps={{ withinPortal: false }} />
          </Popover.Dropdown>
        </Popover>
      </div>
      <div className={classes.filters}>
        {columns.filter((name) => known.includes(name)).map((name) => (
          <OneFilter key={name} project={project} stretch={stretch} column={name} ranges={ranges} onRanges={onRanges} />
        ))}
      </div>
    </section>
  );
}

function OneFilter({ project, stretch, column, ranges, onRanges }: { project: string; stretch: Stretch; column: string; ranges: Ranges; onRanges: (ranges: Ranges) => void }) {
  const scale = useSeries(project, [column], stretch, "", 2).data?.columns[column];
  const all = useBars(project, stretch, column, "", scale);
  const others = conditionOf(Object.fromEntries(Object.entries(ranges).filter(([name]) => name !== column)));
  const left = useBars(project, stretch, column, others, scale, others !== "");
  const [low, high] = ranges[column] ?? [null, null];
  const set = (from: number | null, to: number | null) => {
    const next = { ...ranges, [column]: [from, to] as [number | null, number | null] };
    if (from === null && to === null) delete next[column];
    onRanges(next);
  };
  const told = writing(column, scale?.unit, 0);
  return (
    <div>
      <div className={classes.panelHead}>
        <b>{columnName(column)}</b>
        <span className={classes.quiet}>
          {told.unit}
          {told.turned && " ← worse"}
        </span>
        <span className={classes.grow} />
        {all.data && all.data.unknown > 0 && <span className={classes.quiet}>{formatCount(all.data.unknown)} unknown</span>}
        <ActionIcon size="xs" variant="subtle" color="gray" aria-label={`No limits of ${columnName(column)}`} style={{ visibility: low === null && high === null ? "hidden" : "visible" }} onClick={() => set(null, null)}>
          <IconX size={13} />
        </ActionIcon>
      </div>
      {all.data ? (
        <Histogram column={column} unit={scale?.unit} edges={all.data.edges} counts={all.data.counts} selected={others && left.data ? left.data.counts : undefined} below={all.data.below} above={all.data.above} low={low} high={high} onLimits={set} height={112} />
      ) : (
        <Skeleton height={112} />
      )}
    </div>
  );
}

/** Bars of a column in the interval, over the scale that its panel has. */
function useBars(project: string, stretch: Stretch, column: string, condition: string, scale: { low: number | null; high: number | null } | undefined, enabled = true) {
  const low = scale?.low ?? undefined;
  const high = scale?.high === scale?.low ? undefined : (scale?.high ?? undefined);
  return useQuery({
    queryKey: ["p", project, "bars", stretch, column, condition, low, high],
    enabled: enabled && scale !== undefined,
    placeholderData: keepPreviousData,
    queryFn: async () => {
      const inTime = await need(client.GET("/api/projects/{project}/chosen", { params: { path: { project }, query: { ...stretch, where: condition || undefined } } }));
      const range = low !== undefined && high !== undefined ? { low, high } : {};
      return need(client.GET("/api/projects/{project}/histogram", { params: { path: { project }, query: { column, bins: 40, ...range, where: inTime.expression ?? undefined } } }));
    },
  });
}
