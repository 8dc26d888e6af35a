import { memo } from "react";
import { formatColumn } from "@/components/format";
import { badness, type Bounds } from "./conditions";
import type { TableColumn } from "./columns";
import classes from "./Library.module.css";
import { FlagMark, VerdictMark } from "./Marks";

export interface Cell {
  column: TableColumn;
  /** Place of its value in the row. */
  place: number;
  bounds: Bounds | undefined;
}

interface Given {
  index: number;
  top: number;
  values: unknown[] | undefined;
  cells: Cell[];
  flag: string | null;
  verdict: string | null;
  chosen: boolean;
  current: boolean;
  past: boolean;
  leaving: boolean;
}

/** One exposure, 28 px high; drawn anew only where something of it has changed. */
export const Row = memo(function Row({ index, top, values, cells, flag, verdict, chosen, current, past, leaving }: Given) {
  const out = verdict === "out" || verdict === "refused" || verdict === "unknown";
  const names = [classes.row, chosen && classes.chosen, current && classes.current, past && classes.past, leaving && classes.leaving, out && classes.out];
  return (
    <div
      role="row"
      aria-rowindex={index + 2}
      aria-selected={chosen}
      aria-current={current || undefined}
      data-row={index}
      id={`library-row-${index}`}
      className={names.filter(Boolean).join(" ")}
      style={{ transform: `translateY(${top}px)` }}
    >
      <div className={classes.marks} role="gridcell">
        {flag && flag !== "none" && <FlagMark flag={flag} />}
        {verdict && <VerdictMark verdict={verdict} />}
      </div>
      {cells.map(({ column, place, bounds }) => {
        if (!values) return <div key={column.name} className={classes.bone} aria-hidden />;
        const value = values[place];
        const bad = badness(bounds, value);
        const number = column.kind !== "text" && column.name !== "recorded" && column.name !== "imported";
        const look = [classes.cell, number && classes.num, bad && classes[bad]].filter(Boolean).join(" ");
        const title = bad ? `${bad === "severe" ? "far " : ""}outside the limits: ${String(value)}` : column.kind === "text" && value ? String(value) : undefined;
        return (
          <div key={column.name} className={look} role="gridcell" title={title}>
            {formatColumn(column.name, column.kind === "boolean" && value != null ? Boolean(value) : value, column.kind)}
          </div>
        );
      })}
    </div>
  );
});
