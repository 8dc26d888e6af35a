import { useVirtualizer } from "@tanstack/react-virtual";
import { IconCheck } from "@tabler/icons-react";
import { useEffect, useRef } from "react";
import { formatColumn, UNKNOWN } from "@/components/format";
import { StateBadge } from "@/components/State/StateBadge";
import { labelOf, unitOf, type TableColumn } from "./columns";
import { badness, type Bounds } from "./conditions";
import type { Changes } from "./changes";
import classes from "./Library.module.css";
import { FlagMark, VerdictMark, verdictNow } from "./Marks";
import type { Rows } from "./pages";
import type { Choice } from "./selection";

interface Given {
  rows: Rows;
  columns: TableColumn[];
  bounds: Record<string, Bounds>;
  changes: Changes;
  onRange: (range: [number, number], top: boolean) => void;
  onPick: (index: number) => void;
  choice: Choice;
  /** Rows are chosen by a touch, not opened. */
  choosing: boolean;
  onChoosing: () => void;
}

const HELD = 450;

const WANTED = ["fit_resolution", "defocus", "drift_total", "iciness", "counts_per_frame"];

/** On a phone: name, three figures and how the image is by the limits. */
export function PhoneList({ rows, columns, bounds, changes, onRange, onPick, choice, choosing, onChoosing }: Given) {
  const held = useRef<number | undefined>(undefined);
  /** A long touch chooses; the click that follows it means nothing. */
  const skip = useRef(false);
  const press = (index: number) => {
    skip.current = false;
    window.clearTimeout(held.current);
    if (choosing) return;
    held.current = window.setTimeout(() => {
      skip.current = true;
      onChoosing();
      choice.toggle(index);
    }, HELD);
  };
  const release = () => window.clearTimeout(held.current);
  const click = (index: number) => {
    if (skip.current) skip.current = false;
    else if (choosing) choice.toggle(index);
    else onPick(index);
  };
  const scroll = useRef<HTMLDivElement>(null);
  const total = rows.total ?? 20;
  const virtual = useVirtualizer({ count: total, getScrollElement: () => scroll.current, estimateSize: () => 64, overscan: 8 });
  const lines = virtual.getVirtualItems();
  const [first, last] = [lines[0]?.index ?? 0, lines.at(-1)?.index ?? 0];
  const top = (virtual.scrollOffset ?? 0) < 8;
  useEffect(() => onRange([first, last], top), [first, last, top, onRange]);
  const told = WANTED.map((name) => columns.find((column) => column.name === name)).filter((column) => column !== undefined).slice(0, 3);
  const [nameAt, flagAt] = [rows.place("name"), rows.place("flag")];
  return (
    <div ref={scroll} className={classes.scroll} role="list" aria-label="Images">
      <div className={classes.gallery} style={{ height: virtual.getTotalSize() }}>
        {lines.map(({ index, start }) => {
          const item = rows.at(index) ?? rows.past(index);
          const patch = item && changes.patch(item.id);
          const flag = patch?.flag ?? (item?.values[flagAt] as string | null | undefined);
          const verdict = item ? verdictNow(item.verdict, patch?.verdict) : null;
          const worst = item ? worstOf(bounds, columns, rows, item.values) : null;
          const chosen = item !== undefined && choice.ids.has(item.id);
          return (
            <div key={index} role="listitem">
              <button
                type="button"
                className={chosen ? `${classes.phoneRow} ${classes.phoneChosen}` : classes.phoneRow}
                style={{ transform: `translateY(${start}px)` }}
                aria-pressed={choosing ? chosen : undefined}
                onPointerDown={() => press(index)}
                onPointerUp={release}
                onPointerCancel={release}
                onPointerLeave={release}
                onContextMenu={(event) => event.preventDefault()}
                onClick={() => click(index)}
              >
                <span className={classes.phoneName}>{item ? String(item.values[nameAt]) : "…"}</span>
                <span style={{ display: "flex", gap: 6, alignItems: "center" }}>
                  {chosen && <IconCheck size={16} aria-label="chosen" />}
                  {flag && flag !== "none" && <FlagMark flag={flag} />}
                  {verdict && <VerdictMark verdict={verdict} />}
                  {worst && <StateBadge state={worst} />}
                </span>
                <span className={classes.figures}>
                  {told.map((column) => (
                    <span key={column.name}>
                      {labelOf(column.name).replace("fit resolution", "fit").replace("drift total", "drift")}{" "}
                      <b>{item ? formatColumn(column.name, item.values[rows.place(column.name)], column.kind) : UNKNOWN}</b> {unitOf(column)}
                    </span>
                  ))}
                </span>
              </button>
            </div>
          );
        })}
      </div>
    </div>
  );
}

/** The worst that the limits say of an image: `ok`, `mild`, `severe`; `waiting` where nothing is known yet. */
function worstOf(bounds: Record<string, Bounds>, columns: TableColumn[], rows: Rows, values: unknown[]): string {
  let found = "";
  let known = false;
  for (const { name } of columns) {
    const value = values[rows.place(name)];
    if (bounds[name] && typeof value === "number") known = true;
    const bad = badness(bounds[name], value);
    if (bad === "severe") return "severe";
    found ||= bad;
  }
  return found || (known ? "ok" : "waiting");
}

export const PHONE_COLUMNS = WANTED;
