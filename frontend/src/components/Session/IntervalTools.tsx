import { Button, MultiSelect, Popover, SegmentedControl } from "@mantine/core";
import { IconAdjustments, IconZoomReset } from "@tabler/icons-react";
import { useMemo } from "react";
import { formatTime } from "@/components/format";
import { columnName, GAUGES, INTERVALS, useColumns } from "./session";
import classes from "./Session.module.css";

interface Given {
  project: string;
  interval: string;
  onInterval: (interval: string) => void;
  selecting: boolean;
  onSelecting: (selecting: boolean) => void;
  panels: string[];
  onPanels: (panels: string[]) => void;
  window: [number, number] | null;
}

/** Which interval, whether dragging zooms or selects, and which panels. */
export function IntervalTools({ project, interval, onInterval, selecting, onSelecting, panels, onPanels, window }: Given) {
  const own = !INTERVALS.some((entry) => entry.value === interval);
  return (
    <div className={classes.tools}>
      <SegmentedControl size="xs" aria-label="Interval" value={own ? "" : interval} onChange={onInterval} data={INTERVALS.map(({ value, label }) => ({ value, label }))} />
      {own && window && (
        <Button size="compact-sm" variant="light" leftSection={<IconZoomReset size={15} />} onClick={() => onInterval("12h")} aria-label="Back to the last 12 hours">
          {formatTime(window[0]).slice(5, 16)} – {formatTime(window[1]).slice(5, 16)}
        </Button>
      )}
      <div className={classes.grow} />
      <SegmentedControl size="xs" aria-label="Dragging in a chart" value={selecting ? "select" : "zoom"} onChange={(value) => onSelecting(value === "select")} data={[{ value: "zoom", label: "Drag zooms" }, { value: "select", label: "selects" }]} />
      <Popover position="bottom-end" width={320} withinPortal trapFocus>
        <Popover.Target>
          <Button size="compact-sm" variant="default" leftSection={<IconAdjustments size={15} />}>
            Panels
          </Button>
        </Popover.Target>
        <Popover.Dropdown>
          <Panels project={project} panels={panels} onPanels={onPanels} />
        </Popover.Dropdown>
      </Popover>
    </div>
  );
}

function Panels({ project, panels, onPanels }: { project: string; panels: string[]; onPanels: (panels: string[]) => void }) {
  const columns = useNumberColumns(project);
  const data = [...GAUGES, ...columns].map((value) => ({ value, label: columnName(value) }));
  return <MultiSelect label="Panels" description="Any column of numbers, images per hour, queue and disk, in this order" data={data} value={panels} onChange={onPanels} searchable maxValues={12} comboboxProps={{ withinPortal: false }} />;
}

/** Columns of numbers that say something of an image. */
export function useNumberColumns(project: string): string[] {
  const { data } = useColumns(project);
  return useMemo(
    () =>
      (data ?? [])
        .filter(({ kind, name }) => (kind === "real" || kind === "integer") && !name.endsWith("_job") && !["id", "imported", "recorded", "group_id", "group_before", "source_job"].includes(name))
        .map(({ name }) => name),
    [data],
  );
}
