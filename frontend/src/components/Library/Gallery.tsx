import { useElementSize, useMergedRef } from "@mantine/hooks";
import { useVirtualizer } from "@tanstack/react-virtual";
import { memo, useEffect, useRef, useState, type MouseEvent } from "react";
import { formatColumn, shown as shownIn } from "@/components/format";
import { pictureUrl, useViews } from "@/components/Image/views";
import type { TableColumn } from "./columns";
import type { Changes } from "./changes";
import classes from "./Library.module.css";
import { FlagMark, VerdictMark, verdictNow } from "./Marks";
import type { Rows } from "./pages";
import type { Choice } from "./selection";

const WIDE = 188;
const TEXT = 22;

interface Given {
  project: string;
  rows: Rows;
  choice: Choice;
  changes: Changes;
  /** The first two of these are told below each picture. */
  columns: TableColumn[];
  onRange: (range: [number, number], top: boolean) => void;
  onOpen: (id: number) => void;
  onPerRow: (number: number) => void;
}

/** The images themselves, in the order of the table. */
export function Gallery({ project, rows, choice, changes, columns, onRange, onOpen, onPerRow }: Given) {
  const scroll = useRef<HTMLDivElement>(null);
  const { ref, width } = useElementSize<HTMLDivElement>();
  const merged = useMergedRef(scroll, ref);
  const perRow = Math.max(2, Math.floor(width / WIDE));
  const size = Math.floor(width / perRow) || WIDE;
  const high = size + TEXT - 8;
  const total = rows.total ?? 24;
  const virtual = useVirtualizer({ count: Math.ceil(total / perRow), getScrollElement: () => scroll.current, estimateSize: () => high, overscan: 2 });
  useEffect(() => virtual.measure(), [high]); // eslint-disable-line
  useEffect(() => onPerRow(perRow), [perRow, onPerRow]);
  const lines = virtual.getVirtualItems();
  const first = (lines[0]?.index ?? 0) * perRow;
  const last = Math.min(total - 1, ((lines.at(-1)?.index ?? 0) + 1) * perRow - 1);
  const top = (virtual.scrollOffset ?? 0) < 8;
  useEffect(() => onRange([first, Math.max(first, last)], top), [first, last, top, onRange]);
  const at = choice.cursor?.index;
  useEffect(() => {
    if (at !== undefined) virtual.scrollToIndex(Math.floor(at / perRow), { align: "auto" });
  }, [at]); // eslint-disable-line
  const told = columns.filter((column) => column.kind === "real" && column.name !== "recorded" && column.name !== "imported").slice(0, 2);
  const indexOf = (event: MouseEvent) => {
    const found = (event.target as Element).closest<HTMLElement>("[data-row]");
    return found ? Number(found.dataset.row) : null;
  };
  const click = (event: MouseEvent) => {
    const index = indexOf(event);
    if (index === null) return;
    if (event.shiftKey) choice.extend(index, event.ctrlKey || event.metaKey);
    else if (event.ctrlKey || event.metaKey) choice.toggle(index);
    else choice.go(index);
  };
  const open = (event: MouseEvent) => {
    const index = indexOf(event);
    const item = index === null ? undefined : rows.at(index);
    if (item) onOpen(item.id);
  };
  const flagAt = rows.place("flag");
  const nameAt = rows.place("name");
  const tiles = lines.flatMap((line) => Array.from({ length: perRow }, (_, n) => ({ index: line.index * perRow + n, x: n * size, y: line.start })));
  return (
    <div ref={merged} className={classes.scroll} role="grid" tabIndex={0} aria-label="Images" aria-rowcount={total} aria-multiselectable onClick={click} onDoubleClick={open}>
      <div className={classes.gallery} style={{ height: virtual.getTotalSize() }} role="rowgroup">
        {tiles.filter(({ index }) => index < total).map(({ index, x, y }) => {
          const item = rows.at(index) ?? rows.past(index);
          const patch = item && changes.patch(item.id);
          const look = [classes.tile, item && choice.has(index, item.id) && classes.tileOn, at === index && classes.tileNow].filter(Boolean).join(" ");
          const flag = patch?.flag ?? (item?.values[flagAt] as string | null | undefined);
          const verdict = item ? verdictNow(item.verdict, patch?.verdict) : null;
          return (
            <div key={index} role="row" className={look} data-row={index} style={{ transform: `translate(${x}px, ${y}px)`, width: size, height: high }}>
              <div className={classes.tileBox} role="gridcell" aria-selected={item ? choice.has(index, item.id) : false}>
                <div className={classes.tileImage}>{item && <Picture key={item.id} project={project} item={item.id} name={String(item.values[nameAt])} />}</div>
                <div className={classes.tileText}>
                  {flag && flag !== "none" && <FlagMark flag={flag} />}
                  {verdict && <VerdictMark verdict={verdict} />}
                  {item && told.map((column) => (
                    <span key={column.name} title={column.meaning}>
                      {formatColumn(column.name, item.values[rows.place(column.name)], column.kind)} {shownIn(column.name, column.unit).unit}
                    </span>
                  ))}
                </div>
              </div>
            </div>
          );
        })}
      </div>
    </div>
  );
}

const Picture = memo(function Picture({ project, item, name }: { project: string; item: number; name: string }) {
  const [missing, setMissing] = useState(false);
  const { data, error } = useViews(project, item);
  const view = data?.views.views.find((entry) => entry.name === "after");
  if (missing || error || (data && !view?.available)) return <span title={view?.reason ?? undefined}>No image yet</span>;
  if (!view) return null;
  return (
    <img
      src={pictureUrl(project, item, view, 200)}
      alt={name}
      loading="lazy"
      decoding="async"
      draggable={false}
      onError={() => setMissing(true)}
    />
  );
});
